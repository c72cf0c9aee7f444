import type { Appending } from "./appending.ts";
import type { Bus, LocalNode, TrafficCounts } from "./bus/bus.ts";
import type { Connection } from "./connection/connection.ts";
import type { Histories } from "./histories.ts";
import type { Place, Places } from "./places.ts";

/** One of the ways in which messages get into their histories. */
export interface AppendWay {
  /**
   * @param batch messages that have their places; on Redis Cluster all of one partition
   * @returns messages that are not appended, for the lists that they know are there no more; all later ones of their channels are among them
   */
  send(batch: readonly Appending[]): Promise<readonly Appending[]>;
}

export interface AppendWayParts {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly histories: Histories;
  readonly places: Places;
  readonly traffic: TrafficCounts;
  /** A message has been appended at this offset of that history. @returns to how many nodes it was sent */
  readonly onAppended: (appending: Appending, place: Place, offset: number) => number;
}
