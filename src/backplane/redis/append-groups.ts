import type { Appending } from "./appending.ts";
import { type PackedArguments, pack } from "./connection/connection.ts";
import { encodeEntry, StoredLine } from "./entry.ts";
import { LARGE_TEXT, LINE, lineOf, VERSION } from "./line.ts";
import type { Audience } from "./places.ts";

const OPENING = VERSION + LINE + lineOf("T");

/** Messages that go to the same nodes. All of a channel are in the same group, so their order is kept. */
export interface Group {
  readonly audience: Audience;
  readonly messages: Appending[];
  /** Whether any of them has an idempotency key. */
  hasKeys: boolean;
}

/** Sorts messages by where they go, each kind in the order given. */
export function groupsOf(batch: readonly Appending[]): Group[] {
  const groups = new Map<Audience, Group>();
  let group: Group | undefined;
  for (const appending of batch) {
    const { audience } = appending.place;
    if (audience !== group?.audience) {
      group = groups.get(audience) ?? { audience, messages: [], hasKeys: false };
      groups.set(audience, group);
    }
    group.messages.push(appending);
    group.hasKeys ||= appending.key !== undefined;
  }
  return [...groups.values()];
}

/**
 * Adds what APPEND is told of as many messages as one text to their nodes takes.
 * @returns the index of the first one that is left
 */
export function addText(
  args: PackedArguments,
  { audience, messages, hasKeys }: Group,
  start: number,
): number {
  const line = new StoredLine(OPENING);
  let after = "";
  let index = start;
  for (; line.length < LARGE_TEXT; index++) {
    const appending = messages[index];
    if (appending === undefined) break;
    const { place, message, key = "" } = appending;
    line.add(place.head, encodeEntry(message));
    after += hasKeys ? place.list + pack(key) : place.list;
  }
  const number = index - start;
  // Lua counts from 1.
  const first = line.entriesAt + 1;
  args.add(pack(audience.nodes) + pack(number) + pack(hasKeys ? 1 : 0) + pack(line.text) + pack(first), 5);
  args.add(after, hasKeys ? 2 * number : number);
  return index;
}
