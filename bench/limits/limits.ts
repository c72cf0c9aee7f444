/** A rate that no bench reaches: the counters run as in production. */
const UNREACHED = "999999999-S";

/** Limits for measurements, whose clients do on purpose what the limits of a hub are there to end. */
export const UNREACHED_LIMITS = {
  limits: {
    connectsPerAddress: UNREACHED,
    loginsPerAddress: UNREACHED,
    loginsPerUser: UNREACHED,
    messagesPerConnection: UNREACHED,
    messagesPerUser: UNREACHED,
    messagesPerAddress: UNREACHED,
    actionsPerUser: {},
  },
  // A measured server is busy all the time.
  overload: { connectsPerNode: UNREACHED, loopPercent: 0, memoryPercent: 0 },
} as const;
