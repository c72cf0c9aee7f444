/** Load of a deployment. Rates are of the whole cluster, in events per second. */
export interface Load {
  readonly connections: number;
  /** Messages that are published. */
  readonly publishes: number;
  /** Connections that get a message, on average. */
  readonly audience: number;
  /** Length of a message's data. */
  readonly bytes: number;
  /** Share of the messages that is stored, 0 to 1. */
  readonly stored: number;
  /** How long histories keep messages, in seconds. */
  readonly retentionS: number;
  /** Connections that begin. */
  readonly connects: number;
  /** Share of its core that a node should use at most, 0 to 1. */
  readonly target: number;
}

/** Nodes, memory and Redis for a load. */
export interface Capacity {
  /** Nodes, one more than needed: the others take its clients while one restarts. */
  readonly nodes: number;
  /** Nodes without the spare one, by what they are needed for. */
  readonly needed: { readonly cpu: number; readonly memory: number };
  /** Connections and memory of each node while one is down. */
  readonly perNode: {
    readonly connections: number;
    readonly memoryBytes: number;
    readonly bitsPerSecond: number;
  };
  readonly redis: { readonly memoryBytes: number; readonly cores: number };
}

/** Seconds of one core for one event, measured by `npm run bench` and `bench:cluster` on two cores of an AMD EPYC. */
const CPU = {
  /** Writes to a socket. Messages of one tick to one connection share a write, so a busy hub costs less than this. */
  delivery: 10e-6,
  publish: 5e-6,
  /** TCP, upgrade, login, first frames. */
  connect: 290e-6,
  /** A heartbeat of a connection. */
  heartbeat: 10e-6,
  redis: { stored: 2.7e-6, ephemeral: 0.25e-6 },
};
const HEARTBEAT_S = 30;
/** Bytes of a node. The kernel's buffers of sockets come on top. */
const MEMORY = { process: 130 << 20, connection: 5_700, spare: 1.3 };
/** Bytes in Redis besides the data. */
const IN_REDIS = { message: 100, key: 700, keySeconds: 300, connection: 400, spare: 1.5 };
/** Bytes around the data: the frame, its names, TCP and IP. */
const OVERHEAD_BYTES = 220;
/** More connections than this in one process take long to come back elsewhere. */
const MAX_PER_NODE = 50_000;

/** Estimates the nodes and the Redis for a load. An estimate: measure with your own messages before you rely on it. */
export function capacityFor(load: Load): Capacity {
  const { connections, publishes, audience, bytes, stored, retentionS, connects, target } = load;
  const deliveries = publishes * audience;
  const cores =
    deliveries * CPU.delivery +
    publishes * CPU.publish +
    connects * CPU.connect +
    (connections / HEARTBEAT_S) * CPU.heartbeat;
  const needed = { cpu: Math.ceil(cores / target), memory: Math.ceil(connections / MAX_PER_NODE) };
  const least = Math.max(1, needed.cpu, needed.memory);
  const kept = publishes * stored;
  return {
    nodes: least + 1,
    needed,
    perNode: {
      connections: Math.ceil(connections / least),
      memoryBytes: MEMORY.spare * (MEMORY.process + (connections / least) * MEMORY.connection),
      bitsPerSecond: (8 * deliveries * (bytes + OVERHEAD_BYTES)) / least,
    },
    redis: {
      memoryBytes:
        IN_REDIS.spare *
        (kept * retentionS * (bytes + IN_REDIS.message) +
          kept * IN_REDIS.keySeconds * IN_REDIS.key +
          connections * IN_REDIS.connection),
      cores: kept * CPU.redis.stored + (publishes - kept) * CPU.redis.ephemeral,
    },
  };
}
