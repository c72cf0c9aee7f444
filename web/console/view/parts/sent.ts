import { countOf } from "../../../shared/shared.ts";
import type { Receipt } from "../../model/replies.ts";

/** What became of a message, in words. */
export function sentText({ state, connections, nodes, total, id }: Receipt): string {
  const elsewhere = total === undefined && nodes > 0 ? `, and ${countOf(nodes, "other node")}` : "";
  return `${state}: ${countOf(total ?? connections, "connection")}${elsewhere}. Its id is ${id}.`;
}
