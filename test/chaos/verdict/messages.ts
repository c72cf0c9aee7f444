import type { Channel } from "../../../src/protocol/protocol.ts";
import type { Entry, Heard } from "../people/person.ts";
import type { Sent } from "../people/writers.ts";

/** What a verdict reads of a person. */
export interface Listener {
  readonly name: string;
  readonly log: readonly Entry[];
  readonly memberSince: ReadonlyMap<Channel, number>;
}

/**
 * Checks the logs of a round: each confirmed message reached each member once, in one order, or its loss was told.
 * @param mayRepeat ids of messages that may be stored twice
 * @returns a line for each breach
 */
export function judgeMessages(
  sent: readonly Sent[],
  all: readonly Listener[],
  mayRepeat: ReadonlySet<string> = new Set(),
): string[] {
  const byId = new Map(sent.map((message) => [message.id, message]));
  const listeners = all.map((listener) => ({ ...listener, log: withoutRepeats(listener, mayRepeat) }));
  const receipts = sent.filter(({ id }) => !mayRepeat.has(id));
  return [
    ...listeners.flatMap((listener) => missing(sent, listener)),
    ...listeners.flatMap((listener) => repeated(listener)),
    ...listeners.flatMap((listener) => outOfOrder(byId, listener)),
    ...twoOrders(receipts, listeners),
  ];
}

/** The log of a listener with the first copy only of each message that may be repeated. */
function withoutRepeats({ log }: Listener, mayRepeat: ReadonlySet<string>): readonly Entry[] {
  const seen = new Set<string>();
  return log.filter((entry) => {
    if (entry.kind !== "message" || !mayRepeat.has(entry.id)) return true;
    const isFirst = !seen.has(entry.id);
    seen.add(entry.id);
    return isFirst;
  });
}

/** Losses that were told, for rounds whose faults destroy nothing. */
export const toldLosses = (listeners: readonly Listener[]): string[] =>
  listeners.flatMap(({ name, log }) =>
    log
      .filter(({ kind }) => kind === "lost")
      .map(({ channel }) => `${name} was told of a loss on ${channel}`),
  );

/** Confirmed messages that a listener has neither received nor been told to have lost. */
export function missing(sent: readonly Sent[], { name, log, memberSince }: Listener): string[] {
  const received = new Set(log.map((entry) => (entry.kind === "message" ? entry.id : "")));
  const losses = Map.groupBy(
    log.filter(({ kind }) => kind === "lost"),
    ({ channel }) => channel,
  );
  return sent
    .filter(({ outcome, channel, at }) => outcome === "confirmed" && at > (memberSince.get(channel) ?? at))
    .filter(({ id }) => !received.has(id))
    .filter(({ channel, at }) => !losses.get(channel)?.some((lost) => lost.at >= at))
    .map(
      ({ id, channel, epoch, offset }) =>
        `lost: ${id} at ${epoch}/${offset} of ${channel} never reached ${name}`,
    );
}

/** The messages of a channel between one told loss and the next: after a loss Redis may hold an older state. */
function segmentsOf(
  log: readonly Entry[],
): { readonly channel: Channel; readonly messages: readonly Heard[] }[] {
  return [...Map.groupBy(log, ({ channel }) => channel)].flatMap(([channel, entries]) => {
    const segments: Heard[][] = [[]];
    for (const entry of entries) {
      if (entry.kind === "lost") segments.push([]);
      else segments.at(-1)?.push(entry);
    }
    return segments.map((messages) => ({ channel, messages }));
  });
}

function repeated({ name, log }: Listener): string[] {
  return segmentsOf(log).flatMap(({ channel, messages }) =>
    [...Map.groupBy(messages, ({ id }) => id)]
      .filter(([, copies]) => copies.length > 1)
      .map(([id, copies]) => `doubled: ${name} received ${id} of ${channel} ${copies.length} times`),
  );
}

/** Offsets that do not rise, and confirmed messages of one writer that overtook each other. */
function outOfOrder(sent: ReadonlyMap<string, Sent>, { name, log }: Listener): string[] {
  return segmentsOf(log).flatMap(({ channel, messages }) => {
    const breaches: string[] = [];
    const lastOf = new Map<string, Sent>();
    for (const [index, { id, offset }] of messages.entries()) {
      const before = messages[index - 1];
      if (before !== undefined && before.offset >= offset) {
        breaches.push(`out of order: ${name} received ${before.offset} before ${offset} of ${channel}`);
      }
      const message = sent.get(id);
      if (message === undefined || message.outcome !== "confirmed") continue;
      const last = lastOf.get(message.writer);
      if (last !== undefined && last.n > message.n) {
        breaches.push(`out of order: ${name} received ${last.id} before ${id} of ${channel}`);
      }
      lastOf.set(message.writer, message);
    }
    return breaches;
  });
}

/**
 * Positions that are not the same for everybody: two messages at one position, or one message at two positions of one
 * epoch. Receipts count too. Channels of which a loss was told are left out: some had read what Redis then lost.
 */
function twoOrders(sent: readonly Sent[], listeners: readonly Listener[]): string[] {
  const logs = listeners.flatMap(({ log }) => log);
  const withLoss = new Set(logs.filter(({ kind }) => kind === "lost").map(({ channel }) => channel));
  const heard = logs.filter((entry): entry is Heard => entry.kind === "message");
  const idAt = new Map<string, string>();
  const positionOf = new Map<string, string>();
  const breaches = new Set<string>();
  for (const { channel, epoch, offset, id } of [...heard, ...sent]) {
    if (epoch === undefined || offset === undefined || withLoss.has(channel)) continue;
    const position = `${epoch}/${offset} of ${channel}`;
    const other = idAt.get(position) ?? id;
    if (other !== id) breaches.add(`two orders: ${id} and ${other} are both at ${position}`);
    idAt.set(position, id);
    const message = `${id} ${epoch}`;
    const before = positionOf.get(message) ?? position;
    if (before !== position) breaches.add(`two orders: ${id} is at ${before} and at ${position}`);
    positionOf.set(message, position);
  }
  return [...breaches];
}
