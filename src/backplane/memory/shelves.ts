import type { History } from "./history.ts";
import { Shelf } from "./lru-list.ts";

/** Bytes below which a history is light. Each further class of weight doubles the bytes. */
const LIGHT_BYTES = 1_024;
const CLASSES = 32;

/**
 * All histories, sorted by what they cost: those without an offset, and classes of weight. So the heaviest history is
 * found without a search; within a class the least recently used one counts as the heaviest.
 */
export class Shelves {
  /** Histories that have given no offset under their epoch. */
  readonly blank = new Shelf<History>();
  readonly #classes = Array.from({ length: CLASSES }, () => new Shelf<History>());
  /** Estimated memory of all histories, in bytes. */
  bytes = 0;

  /** Histories under 1 KiB with an offset. */
  get light(): Shelf<History> {
    return this.#classes[0] ?? this.blank;
  }

  /** The shelves of histories with an offset, the heaviest first. */
  byWeight(): Shelf<History>[] {
    return this.#classes.filter(({ bytes }) => bytes > 0).reverse();
  }

  /** Puts a new or changed history on its shelf, as the most recently used. */
  put(history: History): void {
    const shelf = history.last === 0 ? this.blank : this.#classOf(history.bytes);
    if (history.shelf === shelf) shelf.list.use(history);
    else {
      this.#takeOff(history);
      history.shelf = shelf;
      shelf.list.add(history);
    }
    const growth = history.bytes - history.countedBytes;
    shelf.bytes += growth;
    this.bytes += growth;
    history.countedBytes = history.bytes;
  }

  remove(history: History): void {
    this.#takeOff(history);
  }

  #takeOff(history: History): void {
    if (history.shelf === undefined) return;
    history.shelf.list.remove(history);
    history.shelf.bytes -= history.countedBytes;
    this.bytes -= history.countedBytes;
    history.countedBytes = 0;
    history.shelf = undefined;
  }

  #classOf(bytes: number): Shelf<History> {
    const number = bytes < LIGHT_BYTES ? 0 : 1 + Math.floor(Math.log2(bytes / LIGHT_BYTES));
    return this.#classes[Math.min(number, CLASSES - 1)] ?? this.blank;
  }
}
