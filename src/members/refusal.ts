import type { Backplane } from "../backplane/backplane.ts";
import { CLOSE, TidingsError } from "../protocol/protocol.ts";

/** Why a user gets no connection: too many of them, or blocked. `reason` is the text of the close frame. */
export interface Refusal {
  readonly cause: "limit" | "blocked";
  readonly reason?: string;
}

export function refusalBy(blockedMs: number | undefined): Refusal {
  if (blockedMs === undefined) return { cause: "limit" };
  return { cause: "blocked", reason: blockedFor(blockedMs) };
}

/** @throws TidingsError `blocked` for a user who is blocked, `unavailable` while the backplane is unavailable */
export async function assertNotBlocked({ presence }: Backplane, user: string): Promise<void> {
  const retryAfterMs = await presence.blockedMs(user);
  if (retryAfterMs > 0) throw new TidingsError("blocked", blockedFor(retryAfterMs), { retryAfterMs });
}

const blockedFor = (ms: number): string =>
  `${CLOSE.blocked.reason} for another ${Math.ceil(ms / 1_000).toLocaleString("en")} s`;
