import type { RedisServer } from "../../support/redis/redis.ts";
import type { FaultyProxy } from "../proxy.ts";

export const KINDS = ["single", "sentinel", "cluster"] as const;
export type Kind = (typeof KINDS)[number];

/** The Redis of a round, as its nodes and faults see it. */
export interface ChaosRedis extends AsyncDisposable {
  readonly kind: Kind;
  /** Proxies between the nodes and Redis; none where Redis itself tells its addresses. */
  readonly proxies: readonly FaultyProxy[];
  /** URL for a node, by its index. */
  urlOf(node: number): string;
  /** The servers that take writes now. */
  masters(): Promise<readonly RedisServer[]>;
  /** True after a replica was promoted, by whatever fault: replication is asynchronous, and what it had not is lost. */
  hasFailedOver(): Promise<boolean>;
  /** Called when the faults are over. From then on a stall of a busy machine is no reason to promote a replica. */
  rest(): Promise<void>;
}
