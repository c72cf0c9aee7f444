import type { LocalNode } from "../../../local-node.ts";
import type { Bus, TrafficCounts } from "../../bus/bus.ts";
import type { Connection } from "../../connection/connection.ts";
import type { Histories } from "../../history/histories.ts";
import type { Completion } from "./completion.ts";
import type { PendingAppend } from "./pending.ts";
import type { AppendTargets } from "./targets.ts";
import type { Trimmer } from "./trimmer.ts";

/** A method by which a batch is appended: by a script, or by a transaction. */
export interface AppendMethod {
  /**
   * Appends a batch and completes its messages.
   * @param batch messages with their targets; on Redis Cluster all of one partition
   * @returns messages that were not appended, because their lists have other keys now, or Redis does not know the script;
   * all later ones of their channels are among them
   */
  send(batch: readonly PendingAppend[]): Promise<readonly PendingAppend[]>;
}

export interface AppendMethodParts {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly histories: Histories;
  readonly targets: AppendTargets;
  readonly completion: Completion;
  readonly trimmer: Trimmer;
  readonly traffic: TrafficCounts;
}
