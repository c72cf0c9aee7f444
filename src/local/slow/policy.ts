/** Policy of a full queue: `drop` the frame, `close` the connection, or make the publisher `wait`. */
export type SlowPolicy = "drop" | "close" | "wait";

export interface OutboxLimits {
  /** Messages that may be pending. */
  readonly messages: number;
  /** Bytes that may be pending. */
  readonly bytes: number;
  /** Unsent bytes in the socket above which frames stay in the queue. */
  readonly socketBytes: number;
  readonly policy: SlowPolicy;
  /** Under the policy `wait`: how long a frame may wait for room. */
  readonly waitMs: number;
}

/** Frames that met a full queue, counted over all connections. */
export interface SlowCounts {
  /** Dropped by the policy `drop`, or by the timeout of the policy `wait`. */
  dropped: number;
  /** Waited for room under the policy `wait`. */
  waited: number;
  /** Closed their connection under the policy `close`. */
  closed: number;
  /** Connections that were cut because all queues of the node together held too many bytes. */
  cut: number;
}
