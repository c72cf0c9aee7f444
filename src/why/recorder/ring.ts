import { setImmediate as nextTurn } from "node:timers/promises";

/** Shape of the records of a ring. */
export interface RingShape {
  /** Records at least; the ring takes the next power of two. */
  readonly records: number;
  /** Numbers of each record. */
  readonly numbers: number;
  /** Texts of each record. */
  readonly texts: number;
  /** Characters of all texts of a record, on average. Where they are longer, fewer records are remembered. */
  readonly characters: number;
}

/** Longest text that is kept whole: a channel has 261 characters at most. */
const MAX_TEXT = 300;

/** Length of a text that is not there. */
const NONE = 0xff_ff;

/**
 * Records of a ring that are looked at before the event loop goes round. A question looks at four rings at once, in some 0.2 µs a record, and
 * in 2 to 3 µs at the first question, for which V8 has compiled nothing yet.
 */
const SLICE = 1_024;

/**
 * Taken from the prototype: V8 has many forms of strings, and would look up the method anew for each form.
 * protocol/channel.ts has the measurement.
 */
const charCodeAt = String.prototype.charCodeAt;

/**
 * Records in a ring of fixed memory. Numbers and characters are copied into typed arrays, so nothing is allocated, the garbage collector
 * finds nothing that lives longer, and no text keeps a batch alive from which it was cut.
 */
export class Ring {
  readonly #shape: RingShape;
  readonly #mask: number;
  readonly #numbers: Float64Array;
  readonly #lengths: Uint16Array;
  /** Where the texts of each record begin, by the count of {@link #end}. */
  readonly #starts: Int32Array;
  readonly #characters: Uint16Array;
  readonly #lastCharacter: number;
  /**
   * Characters since the start: where the next text begins. It wraps at 32 bits, which is right for differences: the largest ring has
   * 1,048,576 records with less than 2 KiB of characters each.
   */
  #end = 0;
  #count = 0;

  constructor(shape: RingShape) {
    this.#shape = shape;
    const records = powerOfTwo(shape.records);
    this.#mask = records - 1;
    this.#numbers = new Float64Array(records * shape.numbers);
    this.#lengths = new Uint16Array(records * shape.texts);
    this.#starts = new Int32Array(records);
    this.#characters = new Uint16Array(powerOfTwo(records * shape.characters));
    this.#lastCharacter = this.#characters.length - 1;
  }

  /** Memory of the ring, in bytes. */
  get bytes(): number {
    const arrays = [this.#numbers, this.#lengths, this.#starts, this.#characters];
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Records since the start: the number of the next one. */
  get count(): number {
    return this.#count;
  }

  /** Begins a record in the place of the oldest one. All its numbers and texts must follow, the texts in their order. @returns its slot */
  begin(): number {
    const slot = this.#count++ & this.#mask;
    this.#starts[slot] = this.#end;
    return slot;
  }

  /** Sets a number of a record. */
  set(slot: number, index: number, value: number): void {
    this.#numbers[slot * this.#shape.numbers + index] = value;
  }

  number(slot: number, index: number): number {
    return this.#numbers[slot * this.#shape.numbers + index] ?? 0;
  }

  /** Adds the next text of the record that was begun last. */
  add(slot: number, index: number, text: string | undefined): void {
    const place = slot * this.#shape.texts + index;
    if (text === undefined) {
      this.#lengths[place] = NONE;
      return;
    }
    const length = text.length < MAX_TEXT ? text.length : MAX_TEXT;
    this.#lengths[place] = length;
    copy(text, length, this.#characters, this.#end);
    this.#end = (this.#end + length) | 0;
  }

  text(slot: number, index: number): string | undefined {
    const length = this.#lengths[slot * this.#shape.texts + index] ?? NONE;
    if (length === NONE) return undefined;
    const from = this.#startOf(slot, index);
    const start = from & this.#lastCharacter;
    const first = this.#characters.subarray(start, start + length);
    const text = String.fromCharCode(...first);
    if (first.length === length) return text;
    // The rest stands at the beginning of the ring.
    return text + String.fromCharCode(...this.#characters.subarray(0, length - first.length));
  }

  /** Compares a text without making it, from its end: there most names differ. */
  has(slot: number, index: number, text: string | undefined): boolean {
    const length = this.#lengths[slot * this.#shape.texts + index] ?? NONE;
    if (text === undefined || length === NONE) return text === undefined && length === NONE;
    if (length !== Math.min(text.length, MAX_TEXT)) return false;
    const from = this.#startOf(slot, index);
    for (let at = length - 1; at >= 0; at--) {
      if (this.#characters[(from + at) & this.#lastCharacter] !== charCodeAt.call(text, at)) return false;
    }
    return true;
  }

  /** The slot of the record with a number; undefined when others have taken its place. */
  slotOf(number: number): number | undefined {
    return this.#count - number <= this.#mask + 1 ? number & this.#mask : undefined;
  }

  /** Slot of the oldest record that is remembered. */
  get oldest(): number | undefined {
    let low = Math.max(0, this.#count - this.#mask - 1);
    let high = this.#count - 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#isWhole(middle)) high = middle;
      else low = middle + 1;
    }
    return this.#isWhole(low) ? low & this.#mask : undefined;
  }

  /** Slots of the records that are remembered, the newest first. @param before number of the first one that is not wanted */
  *slots(before = this.#count, from = 0): Iterable<number> {
    for (let number = before - 1; number >= from && this.#isWhole(number); number--)
      yield number & this.#mask;
  }

  /**
   * {@link slots} in slices, between which the event loop goes round. The records are those of the moment of the call, without those that
   * later records overwrite before their slice. A slot must be read before anything is awaited; then no record is
   * ever half an old and half a new one.
   */
  async *slices(before = this.#count): AsyncIterable<Iterable<number>> {
    for (let end = before; this.#isWhole(end - 1); end -= SLICE) {
      if (end < before) await nextTurn();
      yield this.slots(end, end - SLICE);
    }
  }

  /** Tells whether a record is there with all its texts: newer ones take the place of its texts, or of itself. */
  #isWhole(number: number): boolean {
    if (number < 0 || this.#count - number > this.#mask + 1) return false;
    const used = (this.#end - (this.#starts[number & this.#mask] ?? 0)) | 0;
    return used <= this.#characters.length;
  }

  #startOf(slot: number, index: number): number {
    let from = this.#starts[slot] ?? 0;
    for (let before = 0; before < index; before++) from += this.#lengthOf(slot, before);
    return from;
  }

  #lengthOf(slot: number, index: number): number {
    const length = this.#lengths[slot * this.#shape.texts + index] ?? NONE;
    return length === NONE ? 0 : length;
  }
}

/** Copies the beginning of a text into a ring of characters. */
function copy(text: string, length: number, into: Uint16Array, from: number): void {
  const last = into.length - 1;
  let end = from & last;
  for (let at = 0; at < length; at++) {
    into[end] = charCodeAt.call(text, at);
    end = (end + 1) & last;
  }
}

const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(2, least)));
