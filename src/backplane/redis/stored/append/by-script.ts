import { PackedArguments } from "../../connection/connection.ts";
import { partitionOf } from "../../wire/keys.ts";
import { LINE } from "../../wire/lines.ts";
import { addPayload, type Group, groupsOf } from "./batches.ts";
import type { Duplicates } from "./duplicates.ts";
import type { AppendMethod, AppendMethodParts } from "./method.ts";
import type { PendingAppend } from "./pending.ts";
import { APPEND } from "./script.ts";

/**
 * Size from which Redis publishes a payload and its line of lengths apart. A shorter payload costs less in one piece.
 */
const APART_BYTES = 8 * 1_024;

/** Reply of APPEND: all words in one string, then the details of some of them. */
type AppendReply = readonly string[];

export interface AppendByScriptParts extends AppendMethodParts {
  readonly duplicates: Duplicates;
  readonly windowMs: number;
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
    const reply = await this.#parts.connection.run(APPEND, partition, this.#argumentsOf(groups));
    this.#complete(groups, reply as AppendReply); // as the script replies
    return [];
  }

  #argumentsOf(groups: readonly Group[]): PackedArguments {
    const { histories, windowMs, byPartition } = this.#parts;
    // Payloads from two masters of a Redis Cluster may interleave, and lengths could not be matched to their messages.
    const apart = byPartition ? Number.MAX_SAFE_INTEGER : APART_BYTES;
    const { firstArguments, retentionArguments, maxListLength } = histories;
    const args = PackedArguments.of([
      ...firstArguments,
      ...retentionArguments,
      windowMs,
      maxListLength,
      apart,
    ]);
    for (const group of groups) {
      let next = 0;
      while (next < group.messages.length) next = addPayload(args, group, next);
    }
    return args;
  }

  #complete(groups: readonly Group[], [words = "", ...details]: AppendReply): void {
    const { completion, duplicates, traffic } = this.#parts;
    const lengths = words.split(" ");
    let index = 0;
    let detail = 0;
    let sent = 0;
    for (const { messages } of groups) {
      for (const pending of messages) {
        const { target } = pending;
        const word = lengths[index++] ?? "";
        if (word === "0") sent += this.#lookedUp(pending, details[detail++] ?? "");
        else if (word === "=") void duplicates.complete(pending, details[detail++] ?? "");
        else sent += completion.appended(pending, target, target.start + Number(word));
      }
    }
    traffic.sent(LINE.lengths, sent);
  }

  #lookedUp(pending: PendingAppend, detail: string): number {
    const { targets, completion } = this.#parts;
    const [epoch = "", offset, stamp = "", start, ...nodes] = detail.split(" ");
    const { channel } = pending.message;
    const target = targets.learn(channel, epoch, stamp, Number(start), nodes.filter(Boolean));
    return completion.appended(pending, target, Number(offset));
  }
}
