import { expect } from "vitest";
import type { Appended, HistoryPage, HistoryQuery, StoredMessage } from "../../../src/backplane/backplane.ts";
import type { Channel, Position } from "../../../src/protocol/protocol.ts";

/** Queries by offset. */
type PlainQuery = Exclude<HistoryQuery, { readonly since: number }>;

/** State of a channel as an observer of the backplane knows it: its epoch, and the messages under it. */
interface KnownChannel {
  epoch: string | undefined;
  readonly ids: string[];
  readonly former: Set<string>;
}

/**
 * Model of the histories, checked against every answer and every event of a backplane. The invariants: offsets count 1,
 * 2, 3, … under one epoch; the epoch changes when a loss is reported and only then; an epoch that had an offset is
 * never used again; a page is a run of the newest messages within count and age.
 */
export class HistoryModel {
  readonly #channels = new Map<Channel, KnownChannel>();
  readonly #count: number;
  readonly #ageMs: number;

  constructor(count: number, ageMs: number) {
    this.#count = count;
    this.#ageMs = ageMs;
  }

  /** A loss was reported. */
  lost(channel: Channel, { epoch, offset }: Position): void {
    const known = this.#known(channel);
    expect(offset, "a lost history starts again").toBe(0);
    // A channel without messages may be reported again.
    if (epoch === known.epoch) expect(known.ids, "a loss takes a new epoch").toEqual([]);
    else this.#renew(known, epoch);
  }

  /** A message was delivered. */
  delivered({ channel, epoch, offset, id }: StoredMessage): void {
    const known = this.#at(channel, epoch);
    expect(offset, "the next offset").toBe(known.ids.length + 1);
    known.ids.push(id);
  }

  /** To be called after `delivered`. */
  appended(channel: Channel, { epoch, offset }: Appended): void {
    expect(this.#at(channel, epoch).ids).toHaveLength(offset);
  }

  position(channel: Channel, { epoch, offset }: Position): void {
    expect(this.#at(channel, epoch).ids).toHaveLength(offset);
  }

  page(channel: Channel, query: PlainQuery, page: HistoryPage, now: number): void {
    const { ids } = this.#at(channel, page.epoch);
    expect(page.last).toBe(ids.length);
    expect(page.first).toBeGreaterThan(page.last - this.#count);
    expect(page.first).toBeLessThanOrEqual(page.last + 1);
    expect(page.messages.map(({ offset }) => offset)).toEqual(expectedOffsets(query, page));
    for (const { id, offset, epoch, timestamp } of page.messages) {
      expect(id).toBe(ids[offset - 1]);
      expect(epoch).toBe(page.epoch);
      expect(timestamp).toBeGreaterThanOrEqual(now - this.#ageMs);
    }
  }

  #known(channel: Channel): KnownChannel {
    const known = this.#channels.get(channel) ?? { epoch: undefined, ids: [], former: new Set<string>() };
    this.#channels.set(channel, known);
    return known;
  }

  #at(channel: Channel, epoch: string): KnownChannel {
    const known = this.#known(channel);
    if (known.epoch === undefined) this.#renew(known, epoch);
    expect(epoch, "a new epoch is reported before it is used").toBe(known.epoch);
    return known;
  }

  #renew(known: KnownChannel, epoch: string): void {
    expect(known.former, "an epoch is never used again").not.toContain(epoch);
    if (known.epoch !== undefined && known.ids.length > 0) known.former.add(known.epoch);
    known.epoch = epoch;
    known.ids.length = 0;
  }
}

function expectedOffsets(query: PlainQuery, { first, last }: HistoryPage): number[] {
  const retained = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  if ("after" in query) return retained.filter((offset) => offset > query.after).slice(0, query.limit);
  const below = retained.filter((offset) => offset < (query.before ?? last + 1));
  return below.slice(Math.max(0, below.length - query.limit));
}
