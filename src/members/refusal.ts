import { CLOSE } from "../protocol/protocol.ts";

/** Why a user gets no connection: too many of them, or blocked. `reason` is the text of the close frame. */
export interface Refusal {
  readonly cause: "limit" | "blocked";
  readonly reason?: string;
}

export function refusalBy(blockedMs: number | undefined): Refusal {
  if (blockedMs === undefined) return { cause: "limit" };
  const seconds = Math.ceil(blockedMs / 1_000).toLocaleString("en");
  return { cause: "blocked", reason: `${CLOSE.blocked.reason} for another ${seconds} s` };
}
