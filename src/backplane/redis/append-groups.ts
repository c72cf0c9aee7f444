import type { Message } from "../message.ts";
import { TEXT_BYTES } from "./append-script.ts";
import { encodeEntry } from "./entry.ts";
import type { Audience, Place } from "./places.ts";

/** A message, and where its history is. */
export interface Placed<Waiting> {
  readonly waiting: Waiting;
  readonly place: Place;
}

/** Messages that go to the same nodes. All of a channel are in the same group, so their order is kept. */
export interface Group<Waiting> {
  readonly audience: Audience;
  readonly messages: Placed<Waiting>[];
  /** Whether any of them has an idempotency key. */
  hasKeys: boolean;
}

interface Appending {
  readonly message: Message;
  readonly key: string | undefined;
}

/** Sorts messages by where they go, each kind in the order given. */
export function groupsOf<Waiting extends Appending>(
  batch: readonly Waiting[],
  placeOf: (waiting: Waiting) => Place,
): Group<Waiting>[] {
  const groups = new Map<Audience, Group<Waiting>>();
  let group: Group<Waiting> | undefined;
  for (const waiting of batch) {
    const place = placeOf(waiting);
    const { audience } = place;
    if (audience !== group?.audience) {
      group = groups.get(audience) ?? { audience, messages: [], hasKeys: false };
      groups.set(audience, group);
    }
    group.messages.push({ waiting, place });
    group.hasKeys ||= waiting.key !== undefined;
  }
  return [...groups.values()];
}

/**
 * Adds what APPEND is told of as many messages as one text to their nodes takes.
 * @returns the index of the first one that is left
 */
export function addText(
  args: (string | number)[],
  { audience, messages, hasKeys }: Group<Appending>,
  start: number,
): number {
  const opening = args.length;
  args.push(audience.nodes, 0, hasKeys ? 1 : 0, "");
  let heads = "";
  let length = 0;
  let index = start;
  for (; length < TEXT_BYTES; index++) {
    const placed = messages[index];
    if (placed === undefined) break;
    const { place, waiting } = placed;
    const entry = encodeEntry(waiting.message);
    args.push(place.list, entry);
    if (hasKeys) args.push(waiting.key ?? "");
    heads += place.head;
    length += place.head.length + entry.length;
  }
  args[opening + 1] = index - start;
  args[opening + 3] = heads;
  return index;
}
