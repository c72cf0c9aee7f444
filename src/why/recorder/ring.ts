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
  /** Where the texts of each record begin. */
  readonly #starts: Uint32Array;
  readonly #characters: Uint16Array;
  readonly #lastCharacter: number;
  /** Where the next text begins. */
  #end = 0;
  #count = 0;

  constructor(shape: RingShape) {
    this.#shape = shape;
    const records = powerOfTwo(shape.records);
    this.#mask = records - 1;
    this.#numbers = new Float64Array(records * shape.numbers);
    this.#lengths = new Uint16Array(records * shape.texts);
    this.#starts = new Uint32Array(records);
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
    this.#end = copy(text, length, this.#characters, this.#end);
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

  /** Compares a text without making it. */
  has(slot: number, index: number, text: string): boolean {
    const length = this.#lengths[slot * this.#shape.texts + index];
    if (length !== Math.min(text.length, MAX_TEXT)) return false;
    const from = this.#startOf(slot, index);
    for (let at = 0; at < length; at++) {
      if (this.#characters[(from + at) & this.#lastCharacter] !== charCodeAt.call(text, at)) return false;
    }
    return true;
  }

  /** The slot of the record with a number; undefined when others have taken its place. */
  slotOf(number: number): number | undefined {
    return this.#count - number <= this.#mask + 1 ? number & this.#mask : undefined;
  }

  /** Slots of all records that are remembered, the newest first. */
  *slots(): Iterable<number> {
    const { texts } = this.#shape;
    let used = 0;
    for (let back = 1; back <= Math.min(this.#count, this.#mask + 1); back++) {
      const slot = (this.#count - back) & this.#mask;
      for (let index = 0; index < texts; index++) used += this.#lengthOf(slot, index);
      // Newer texts have taken the place of this record's.
      if (used > this.#characters.length) return;
      yield slot;
    }
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

/** Copies the beginning of a text into a ring of characters. @returns where the next text begins */
function copy(text: string, length: number, into: Uint16Array, from: number): number {
  const last = into.length - 1;
  let end = from;
  for (let at = 0; at < length; at++) {
    into[end] = charCodeAt.call(text, at);
    end = (end + 1) & last;
  }
  return end;
}

const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(2, least)));
