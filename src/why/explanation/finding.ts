import type { Channel } from "../../protocol/protocol.ts";

/** Codes of findings. They are stable: programs may compare them. docs/WHY.md says what to do about each. */
export const FINDING_CODES = [
  "acknowledged",
  "blocked",
  "deleted",
  "delivered",
  "disconnected",
  "expired",
  "filtered",
  "history_lost",
  "login_expired",
  "login_refused",
  "no_cause",
  "no_grant",
  "no_membership",
  "no_message",
  "no_receiver",
  "node_silent",
  "not_connected",
  "not_recorded",
  "not_routed",
  "queue_full",
  "queued",
  "rate_limited",
  "replaying",
  "send_failed",
  "sent_to_other",
  "slow",
  "stored",
  "trimmed",
  "unknown_message",
] as const;

export type FindingCode = (typeof FINDING_CODES)[number];

/** One thing that was found, with where and when it was seen. */
export interface Finding {
  readonly code: FindingCode;
  /** For humans. */
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at?: number | undefined;
  readonly node?: string | undefined;
  readonly connection?: string | undefined;
  readonly channel?: Channel | undefined;
  /** Id of the message that it is about, when none was asked about. */
  readonly message?: string | undefined;
  /** How often, when more than once. */
  readonly count?: number | undefined;
}

/** Codes that say that a message has come, comes, or waits: they are no reason why it has not. */
const GOOD: readonly FindingCode[] = ["acknowledged", "delivered", "stored", "replaying"];

export const isReason = ({ code }: Finding): boolean => !GOOD.includes(code);

/** The code for the end of a connection, or for the refusal of a client. */
export function codeOf(cause: string | undefined, other: FindingCode): FindingCode {
  if (cause === "blocked" || cause === "rate_limited" || cause === "slow") return cause;
  return cause === "token_expired" ? "login_expired" : other;
}

/** `3.2 s`, `4 min`, `2 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
