import { FAILED, pack, publishOf } from "../../connection/connection.ts";
import { inboundOf } from "../../wire/keys.ts";
import { LINE, lineOf, NEWLINE, VERSION } from "../../wire/lines.ts";
import { encodeEntry, StoredLine } from "../../wire/stored-line.ts";
import { type Group, groupsOf } from "./batches.ts";
import type { AppendMethod, AppendMethodParts } from "./method.ts";
import type { PendingAppend } from "./pending.ts";

/** Messages for so many other nodes or more are appended by the script: it gets their payload once for all nodes. */
const MAX_NODES = 4;
/** Begins the command of each message; its list and its entry follow. */
const RPUSHX = `*3\r\n${pack("RPUSHX")}`;

/** Name of the transactions in metrics, beside the names of scripts. */
export const PUSH = { name: "push" };

/** The messages of a group, which go to its nodes in one payload. */
interface Payload {
  /** Names the payload in the line of its offsets. */
  readonly name: string;
  readonly tokens: readonly string[];
  readonly messages: readonly PendingAppend[];
}

export interface AppendByTransactionParts extends AppendMethodParts {
  /** Smallest batch. Fewer messages are appended by the script, whose offsets need one round trip less. */
  readonly pushFrom: number;
}

/**
 * Appends a batch to known lists by one transaction with a command for each message: a command costs Redis half as much
 * as in a script. The transaction also publishes the messages (`LINE.awaiting`). Their offsets are in its reply, and
 * follow in a line `LINE.offsets`. When that line does not come, the nodes read the histories
 * ({@link AwaitingOffsets}), so messages are delivered even if this node dies.
 */
export class AppendByTransaction implements AppendMethod {
  readonly #parts: AppendByTransactionParts;
  #payloads = 0;

  constructor(parts: AppendByTransactionParts) {
    this.#parts = parts;
  }

  /** True if a batch can and should be appended by a transaction. Its messages have their targets. */
  isFor(batch: readonly PendingAppend[]): boolean {
    const { connection, pushFrom } = this.#parts;
    return batch.length >= pushFrom && connection.canPush && batch.every(isKnown);
  }

  async send(batch: readonly PendingAppend[]): Promise<PendingAppend[]> {
    const { connection, traffic } = this.#parts;
    const payloads = groupsOf(batch).map((group) => this.#payloadOf(group));
    const publishes: string[] = [];
    let pushes = "";
    let count = batch.length;
    for (const { name, tokens, messages } of payloads) {
      const line = new StoredLine(VERSION + NEWLINE + lineOf(LINE.awaiting, name, String(messages.length)));
      for (const { target, message } of messages) {
        const entry = encodeEntry(message);
        line.add(target.header, entry);
        pushes += `${RPUSHX}${target.list}$${Buffer.byteLength(entry)}\r\n${entry}\r\n`;
      }
      const { text } = line;
      for (const token of tokens) publishes.push(...publishOf(inboundOf(connection.pubSub, token), text));
      count += tokens.length;
    }
    traffic.ran(PUSH);
    const { numbers, error } = await connection.push([pushes, ...publishes], count);
    return this.#replied(payloads, numbers, error);
  }

  #payloadOf({ nodes, messages }: Group): Payload {
    const tokens = nodes.tokens === "" ? [] : nodes.tokens.split(" ");
    return { name: `${this.#parts.bus.token}.${++this.#payloads}`, tokens, messages };
  }

  /** @returns messages that were not appended */
  #replied(payloads: readonly Payload[], numbers: readonly number[], error: unknown): PendingAppend[] {
    const { deaf } = this.#parts.bus;
    let index = payloads.reduce((count, { messages }) => count + messages.length, 0);
    for (const { tokens } of payloads)
      for (const token of tokens) deaf.published(token, numbers[index++] ?? FAILED);
    index = 0;
    const replies = payloads.map((payload) => {
      const lengths = numbers.slice(index, index + payload.messages.length);
      index += lengths.length;
      return { payload, lengths };
    });
    for (const { payload, lengths } of replies) this.#sendOffsets(payload, lengths);
    // After a failure Redis may count as unavailable, and nothing can be sent.
    const failure = error && this.#parts.connection.failed("push", error);
    return replies.flatMap(({ payload, lengths }) => this.#complete(payload, lengths, failure));
  }

  #sendOffsets({ name, tokens }: Payload, lengths: readonly number[]): void {
    if (tokens.length === 0) return;
    const offsets = lineOf(LINE.offsets, name, lengths.join(" "));
    for (const token of tokens) this.#parts.bus.post(token, offsets);
  }

  /** @returns messages that were not appended */
  #complete({ messages }: Payload, lengths: readonly number[], failure: unknown): PendingAppend[] {
    const { targets, traffic, completion, trimmer } = this.#parts;
    const returned: PendingAppend[] = [];
    let sent = 0;
    for (const [index, pending] of messages.entries()) {
      const length = lengths[index] ?? FAILED;
      const { target, message } = pending;
      if (length > 0) sent += completion.appended(pending, target, target.start + length);
      else if (length === FAILED) completion.failed(pending, failure);
      else {
        targets.forget(message.channel);
        returned.push(pending);
      }
      if (length > 0) trimmer.appended(pending, target, length);
    }
    traffic.sent(LINE.awaiting, sent);
    return returned;
  }
}

/** True if Redis needs no look-up for a message. */
const isKnown = ({ key, target: { epoch, nodes } }: PendingAppend): boolean =>
  key === undefined && epoch !== "" && nodes.count - Number(nodes.hasOwn) < MAX_NODES;
