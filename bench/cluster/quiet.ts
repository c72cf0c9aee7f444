/** Seconds between heartbeats: longer than a run. */
export const QUIET_S = 600;

/** Messages that a history keeps: the hub's default. */
export const HISTORY_COUNT = 1_000;
