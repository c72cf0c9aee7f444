import { addText, type Group, groupsOf } from "./append-groups.ts";
import { APPEND } from "./append-script.ts";
import type { AppendWay, AppendWayParts } from "./append-way.ts";
import type { Appending } from "./appending.ts";
import { PackedArguments } from "./connection/connection.ts";
import { partitionOf } from "./keys.ts";

/** In Redis, texts from so many bytes on travel apart from their offsets; shorter ones cost less in one piece. */
const APART_BYTES = 8 * 1_024;

/** What APPEND answers: words, then the details of some of them. */
type AppendAnswer = readonly string[];

export interface AppendCallsParts extends AppendWayParts {
  readonly windowMs: number;
  /** Whether one script call may touch one partition only, as on Redis Cluster. */
  readonly byPartition: boolean;
  /** A message is a repeat; what the script said of the first one. */
  readonly onRepeated: (appending: Appending, detail: string) => void;
}

/** Appends messages by a script, which does it all: it looks up what is not known, and tells the nodes. */
export class AppendCalls implements AppendWay {
  readonly #parts: AppendCallsParts;

  constructor(parts: AppendCallsParts) {
    this.#parts = parts;
  }

  async send(batch: readonly Appending[]): Promise<readonly Appending[]> {
    const [first] = batch;
    if (first === undefined) return [];
    const groups = groupsOf(batch);
    const partition = partitionOf(first.message.channel);
    const answer = await this.#parts.connection.run(APPEND, partition, this.#argumentsOf(groups));
    this.#answered(groups, answer as AppendAnswer); // by the script
    return [];
  }

  #argumentsOf(groups: readonly Group[]): PackedArguments {
    const { histories, windowMs, byPartition } = this.#parts;
    // What two masters of a Redis Cluster publish may come in turns, and nobody could tell whose offsets these are.
    const apart = byPartition ? Number.MAX_SAFE_INTEGER : APART_BYTES;
    const { opening, retention, room } = histories;
    const args = PackedArguments.of([...opening, ...retention, windowMs, room, apart]);
    for (const group of groups) {
      let next = 0;
      while (next < group.messages.length) next = addText(args, group, next);
    }
    return args;
  }

  #answered(groups: readonly Group[], [words = "", ...details]: AppendAnswer): void {
    const { onAppended, onRepeated, traffic } = this.#parts;
    const answers = words.split(" ");
    let index = 0;
    let detail = 0;
    let sent = 0;
    for (const { messages } of groups) {
      for (const appending of messages) {
        const word = answers[index++] ?? "";
        if (word === "0") sent += this.#lookedUp(appending, details[detail++] ?? "");
        else if (word === "=") onRepeated(appending, details[detail++] ?? "");
        else sent += onAppended(appending, appending.place, appending.place.start + Number(word));
      }
    }
    traffic.sent("S", sent);
  }

  #lookedUp(appending: Appending, detail: string): number {
    const { places, onAppended } = this.#parts;
    const [epoch = "", offset, stamp = "", start, ...nodes] = detail.split(" ");
    const { channel } = appending.message;
    const place = places.learn(channel, epoch, stamp, Number(start), nodes.filter(Boolean));
    return onAppended(appending, place, Number(offset));
  }
}
