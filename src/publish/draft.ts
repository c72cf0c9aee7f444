import { assertType, type Channel, encodeJson, isUserChannel, TidingsError } from "../protocol/protocol.ts";
import type { Expectation } from "./acks.ts";
import type { Content } from "./message.ts";
import type { Receipt } from "./receipt.ts";
import type { Retry } from "./retry.ts";

/** Content of a draft, without its channel. */
export interface DraftContent extends Omit<Content, "body" | "timestamp"> {
  readonly data?: unknown;
  /** The data as JSON text, as its sender wrote it. @default `data` is encoded */
  readonly body?: string | undefined;
  /** At most once, without history and offset. @default false */
  readonly ephemeral?: boolean | undefined;
}

/** A message before it is checked and encoded. */
export interface Draft extends DraftContent {
  readonly channel: Channel;
}

/** How a draft is published. */
export interface PublishOptions {
  /** Idempotency key: a duplicate within the window sends nothing and returns the first receipt. */
  readonly key?: string | undefined;
  /** Wait for the receiver's acknowledgement. Needs a single user and a stored message. @default false */
  readonly ack?: boolean | undefined;
  /** Timeout of the acknowledgement, in milliseconds. @default 5_000 // 5 s */
  readonly timeoutMs?: number | undefined;
  /** Wait for the reports of other nodes, and count their connections in the receipt. @default false */
  readonly count?: boolean | undefined;
  /** Takes the wait for an acknowledgement that did not come in time, and ends it. @default the wait ends */
  readonly late?: ((wait: Expectation, receipt: Receipt) => void) | undefined;
  /** Repeat after a retryable failure, under one idempotency key. @default no retry */
  readonly retry?: Retry | undefined;
}

/**
 * Reads a draft.
 * @param timestamp time of the publish, by the clock of all nodes
 * @throws TidingsError `bad_request` for a bad type, or data that JSON would lose or change
 */
export function contentOf(
  { type, data, body, from, platforms, except, recipient }: DraftContent,
  timestamp: number,
): Content {
  assertType(type);
  return { type, body: body ?? encodeJson(data), timestamp, from, platforms, except, recipient };
}

/** @throws TidingsError `bad_request` unless the message is stored and goes to one user */
export function assertAckable(channel: Channel, ephemeral: boolean): void {
  if (!ephemeral && isUserChannel(channel)) return;
  throw new TidingsError("bad_request", "ack: expected a stored message to one user");
}
