import { PackedArguments, ScriptForgotten } from "../../connection/connection.ts";
import { partitionOf } from "../../wire/keys.ts";
import { LINE } from "../../wire/lines.ts";
import type { IdempotencyKeys } from "../idempotency.ts";
import { addPayload, type Group, groupsOf } from "./batches.ts";
import type { Duplicates } from "./duplicates.ts";
import type { AppendMethod, AppendMethodParts } from "./method.ts";
import type { PendingAppend } from "./pending.ts";
import { APPEND } from "./script.ts";

/**
 * Size from which Redis publishes a payload and its line of lengths apart. A shorter payload costs less in one piece.
 */
const APART_BYTES = 8 * 1_024;

/** Reply of APPEND: all words in one string, nodes that hear nothing, then the details of some words. */
type AppendReply = readonly string[];

export interface AppendByScriptParts extends AppendMethodParts {
  readonly duplicates: Duplicates;
  readonly idempotency: Pick<IdempotencyKeys, "windowMs">;
  /** True on Redis Cluster: one script call touches one partition only. */
  readonly byPartition: boolean;
}

/** Appends a batch by a script, which looks up unknown targets and recognises duplicates. */
export class AppendByScript implements AppendMethod {
  readonly #parts: AppendByScriptParts;

  constructor(parts: AppendByScriptParts) {
    this.#parts = parts;
  }

  async send(batch: readonly PendingAppend[]): Promise<readonly PendingAppend[]> {
    const [first] = batch;
    if (first === undefined) return [];
    const groups = groupsOf(batch);
    const partition = partitionOf(first.message.channel);
    try {
      const reply = await this.#parts.connection.run(APPEND, partition, this.#argumentsOf(groups));
      return await this.#find(this.#complete(groups, reply as AppendReply)); // as the script replies
    } catch (error) {
      if (error instanceof ScriptForgotten) return batch;
      throw error;
    }
  }

  /** Finds the partitions of messages that were not stored, because Redis has lost the data of these partitions. */
  async #find(lost: readonly PendingAppend[]): Promise<readonly PendingAppend[]> {
    if (lost.length === 0) return lost;
    const { connection, completion } = this.#parts;
    const partitions = new Set(lost.map(({ message }) => partitionOf(message.channel)));
    try {
      await Promise.all([...partitions].map((partition) => connection.partitions.check(partition)));
      return lost;
    } catch (error) {
      for (const pending of lost) completion.failed(pending, error);
      return [];
    }
  }

  #argumentsOf(groups: readonly Group[]): PackedArguments {
    const { histories, idempotency, byPartition } = this.#parts;
    // Payloads from two masters of a Redis Cluster may interleave, and lengths could not be matched to their messages.
    const apart = byPartition ? Number.MAX_SAFE_INTEGER : APART_BYTES;
    const { firstArguments, retentionArguments, maxListLength } = histories;
    const args = PackedArguments.of([
      ...firstArguments,
      ...retentionArguments,
      idempotency.windowMs,
      maxListLength,
      apart,
    ]);
    for (const group of groups) {
      let next = 0;
      while (next < group.messages.length) next = addPayload(args, group, next);
    }
    return args;
  }

  /** @returns messages that were not stored */
  #complete(groups: readonly Group[], [words = "", deaf = "", ...details]: AppendReply): PendingAppend[] {
    const { bus, completion, duplicates, histories, traffic, trimmer } = this.#parts;
    const { maxListLength } = histories;
    bus.deaf.publishedToAll(tokensOf(groups), deaf.split(" ").filter(Boolean));
    const lengths = words.split(" ");
    let index = 0;
    let detail = 0;
    let sent = 0;
    const lost: PendingAppend[] = [];
    for (const { messages } of groups) {
      for (const pending of messages) {
        const { target } = pending;
        const word = lengths[index++] ?? "";
        if (word === "0") sent += this.#lookedUp(pending, details[detail++] ?? "");
        else if (word === "=") void duplicates.complete(pending, details[detail++] ?? "");
        else if (word === "-1") lost.push(pending);
        else {
          sent += completion.appended(pending, target, target.start + Number(word));
          const length = Number(word);
          // A longer list was trimmed by the script.
          trimmer.appended(pending, target, length > maxListLength ? 0 : length);
        }
      }
    }
    traffic.sent(LINE.lengths, sent);
    return lost;
  }

  #lookedUp(pending: PendingAppend, detail: string): number {
    const { targets, completion, trimmer } = this.#parts;
    const [epoch = "", offset, stamp = "", start, members, ...tokens] = detail.split(" ");
    const { channel } = pending.message;
    const receivers = { nodes: tokens.filter(Boolean), members: Number(members) };
    const target = targets.learn(channel, epoch, stamp, Number(start), receivers);
    trimmer.appended(pending, target, Number(offset) - Number(start));
    return completion.appended(pending, target, Number(offset));
  }
}

function* tokensOf(groups: readonly Group[]): Iterable<string> {
  for (const { nodes } of groups) if (nodes.tokens !== "") yield* nodes.tokens.split(" ");
}
