import { TEXT_BYTES } from "./append-script.ts";
import type { Appending } from "./appending.ts";
import { encodeEntry } from "./entry.ts";
import { pack } from "./packed.ts";
import type { Audience } from "./places.ts";
import type { PackedArguments } from "./script-call.ts";

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
  let heads = "";
  let entries = "";
  let length = 0;
  let index = start;
  for (; length < TEXT_BYTES; index++) {
    const appending = messages[index];
    if (appending === undefined) break;
    const { place, message, key = "" } = appending;
    const entry = encodeEntry(message);
    heads += place.head;
    entries += place.list + pack(entry);
    if (hasKeys) entries += pack(key);
    length += place.head.length + entry.length;
  }
  const number = index - start;
  args.add(pack(audience.nodes) + pack(number) + pack(hasKeys ? 1 : 0) + pack(heads), 4);
  args.add(entries, number * (hasKeys ? 3 : 2));
  return index;
}
