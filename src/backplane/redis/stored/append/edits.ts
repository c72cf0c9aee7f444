import { type MessageEdit, messageGone, NO_BODY } from "../../../message.ts";
import type { Appended } from "../../../port.ts";
import { partitionOf } from "../../wire/keys.ts";
import { LINE } from "../../wire/lines.ts";
import { encodeEntry } from "../../wire/stored-line.ts";
import { EDIT } from "./edit-script.ts";
import type { AppendMethodParts } from "./method.ts";
import { PendingAppend } from "./pending.ts";

/** Reply of EDIT; empty when there is no such message. */
type EditReply = Found | readonly [];
type Found = readonly [
  epoch: string,
  offset: number,
  stamp: number,
  start: number,
  deaf: string,
  members: number,
  ...nodes: string[],
];

const isFound = (reply: EditReply): reply is Found => reply.length > 0;

/**
 * Changes stored messages, each by a script call of its own: edits are rare. The notice gets its offset there, so the receivers bring it into
 * its order, after the message and all others before it.
 */
export class Edits {
  readonly #parts: AppendMethodParts;

  constructor(parts: AppendMethodParts) {
    this.#parts = parts;
  }

  async edit(edit: MessageEdit): Promise<Appended> {
    const { connection, completion } = this.#parts;
    const { channel } = edit.notice;
    connection.assertUp();
    const pending = new PendingAppend(edit.notice, undefined);
    completion.expect(pending);
    try {
      const reply = await connection.run(EDIT, partitionOf(channel), this.#argumentsOf(edit));
      this.#complete(pending, reply as EditReply, edit.offset); // as the script replies
    } catch (error) {
      completion.failed(pending, error);
    }
    return pending.appended;
  }

  #argumentsOf({ notice, epoch, offset, id, body }: MessageEdit): (string | number)[] {
    const { histories } = this.#parts;
    const { channel, timestamp } = notice;
    const { count, ageMs } = histories.retentionOf(channel);
    const { maxListLength, firstArguments, retentionArguments } = histories;
    const [kept = maxListLength] = retentionArguments;
    return [
      ...[...firstArguments, channel, count, ageMs, maxListLength, kept],
      ...[epoch, offset, body ?? "", NO_BODY, timestamp, encodeEntry(notice), id],
    ];
  }

  #complete(pending: PendingAppend, reply: EditReply, changed: number): void {
    const { bus, targets, completion, trimmer, traffic } = this.#parts;
    const { channel } = pending.message;
    if (!isFound(reply)) throw messageGone(channel, changed);
    const [epoch, offset, stamp, start, deaf, members, ...nodes] = reply;
    bus.deaf.publishedToAll(nodes, deaf.split(" ").filter(Boolean));
    const target = targets.learn(channel, epoch, String(stamp), start, { nodes, members });
    trimmer.appended(pending, target, offset - start);
    traffic.sent(LINE.lengths, completion.appended(pending, target, offset));
  }
}
