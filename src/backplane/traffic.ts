import type { Distribution } from "../protocol/protocol.ts";

/**
 * Counts since the start, for metrics: a live object of plain numbers that only rise. Every kind and every script MUST
 * be present from the start, with 0, because Prometheus cannot see the first step of a series that appears with it.
 */
export interface Traffic {
  /** Messages between nodes, by direction and kind. A message to three nodes counts three times. */
  readonly messages: Readonly<Record<Direction, Readonly<Record<string, number>>>>;
  /** Length of the payloads between nodes, in UTF-16 units. */
  readonly bytes: Readonly<Record<Direction, number>>;
  /** Messages given up because the backplane was unavailable or too slow, where no caller waits for them. */
  readonly dropped: number;
  /** Entries that the backplane had lost, or kept too long, and that were set right. */
  readonly mended: Readonly<Record<Mending, number>>;
  /** Calls of scripts, by name. */
  readonly scripts: Readonly<Record<string, number>>;
  /** Durations of the calls to the server behind the backplane, in seconds, by kind of call. @default none is measured */
  readonly calls?: Readonly<Record<string, Distribution>>;
}

type Direction = "in" | "out";

/**
 * Entries that the backplane compares with this node, and sets right. `partitions`: all data of a partition were lost. Else single
 * entries: about connections, joined members, cached routes, delivered histories, and watches of acknowledgements.
 */
export const MENDINGS = ["partitions", "connections", "members", "routes", "histories", "watches"] as const;
export type Mending = (typeof MENDINGS)[number];
