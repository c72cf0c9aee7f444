import {
  type LoggedMessage,
  type LoggedReceipt,
  type LogRecord,
  MessageRecord,
  type Outcome,
  type OutcomeRecord,
} from "./record.ts";

/** Bounds of the queue in front of a sink. */
export interface QueueLimits {
  readonly records: number;
  /** Data of the messages, with 256 bytes added to each record. */
  readonly bytes: number;
}

/** Records that a full queue refused since the last report. */
export interface Refused {
  count: number;
  readonly since: number;
  until: number;
}

/** Estimate of what a record needs besides its data. */
const RECORD_BYTES = 256;

/** Entries at the front that are taken, above which the lists are shortened. */
const MOST_TAKEN = 4_096;

/**
 * Queue of the message log. An entry is a reference to the message and one to its receipt: records are made when they are written, so
 * that a publish pays for two appends to lists.
 */
export class LogQueue {
  readonly #limits: QueueLimits;
  readonly #node: string;
  #entries: (LoggedMessage | Outcome)[] = [];
  /** Receipts of {@link #entries}; undefined for an outcome. */
  #receipts: (LoggedReceipt | undefined)[] = [];
  #taken = 0;
  #bytes = 0;
  #refused: Refused | undefined;
  /** Records refused since the start. */
  dropped = 0;

  constructor(limits: QueueLimits, node: string) {
    this.#limits = limits;
    this.#node = node;
  }

  get size(): number {
    return this.#entries.length - this.#taken;
  }

  get bytes(): number {
    return this.#bytes;
  }

  stored(message: LoggedMessage, receipt: LoggedReceipt): void {
    if (this.#isFull()) this.#refuse(message.timestamp);
    else this.#add(message, receipt, message.body.length + RECORD_BYTES);
  }

  outcome(outcome: Outcome): void {
    if (this.#isFull()) this.#refuse(outcome.timestamp);
    else this.#add(outcome, undefined, sizeOf(outcome));
  }

  /** Makes the records at the front, one at least when there is one. They count as waiting until {@link release}. */
  peek(most: QueueLimits): LogRecord[] {
    const records: LogRecord[] = [];
    let bytes = 0;
    while (
      records.length < Math.min(most.records, this.size) &&
      (bytes < most.bytes || records.length === 0)
    ) {
      const at = this.#taken + records.length;
      bytes += this.#bytesAt(at);
      records.push(this.#recordAt(at));
    }
    return records;
  }

  /** Removes the records at the front. */
  release(count: number): void {
    for (let index = 0; index < count; index++) this.#bytes -= this.#bytesAt(this.#taken++);
    if (this.#taken === this.#entries.length) this.#shorten();
    else if (this.#taken > MOST_TAKEN && this.#taken > this.#entries.length / 2) this.#shorten();
  }

  /** Returns what was refused since the last call. */
  takeRefused(): Refused | undefined {
    const refused = this.#refused;
    this.#refused = undefined;
    return refused;
  }

  get hasRefused(): boolean {
    return this.#refused !== undefined;
  }

  /** Gives an outcome its id and its node. */
  identify(outcome: Outcome): OutcomeRecord {
    return { ...outcome, id: crypto.randomUUID(), node: this.#node };
  }

  #add(entry: LoggedMessage | Outcome, receipt: LoggedReceipt | undefined, bytes: number): void {
    this.#entries.push(entry);
    this.#receipts.push(receipt);
    this.#bytes += bytes;
  }

  #isFull(): boolean {
    return this.size >= this.#limits.records || this.#bytes >= this.#limits.bytes;
  }

  #refuse(timestamp: number): void {
    this.dropped++;
    if (this.#refused === undefined) this.#refused = { count: 1, since: timestamp, until: timestamp };
    else {
      this.#refused.count++;
      this.#refused.until = timestamp;
    }
  }

  #recordAt(at: number): LogRecord {
    const entry = this.#entries[at];
    const receipt = this.#receipts[at];
    // A message comes with a receipt, an outcome without.
    if (receipt !== undefined) return new MessageRecord(entry as LoggedMessage, receipt, this.#node);
    return this.identify(entry as Outcome);
  }

  #bytesAt(at: number): number {
    if (this.#receipts[at] === undefined) return sizeOf(this.#entries[at] as Outcome); // it has no receipt
    return (this.#entries[at] as LoggedMessage).body.length + RECORD_BYTES; // it has a receipt
  }

  #shorten(): void {
    this.#entries = this.#entries.slice(this.#taken);
    this.#receipts = this.#receipts.slice(this.#taken);
    this.#taken = 0;
  }
}

const sizeOf = (outcome: Outcome): number =>
  outcome.kind === "edited" ? outcome.data.length + RECORD_BYTES : RECORD_BYTES;
