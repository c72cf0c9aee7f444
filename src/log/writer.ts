import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { backoff } from "../protocol/protocol.ts";
import type { LogQueue } from "./queue.ts";
import type { LogRecord } from "./record.ts";
import type { MessageSink } from "./sink.ts";

/** Time in which records gather to a batch. */
const GATHER_MS = 20;

/** Most records of one write. Making them takes a part of the event loop's time, so a batch is short. */
const BATCH = { records: 1_000, bytes: 1_048_576 };

/** Delays between attempts to write a batch. */
const RETRY = { minMs: 100, maxMs: 5_000 };

export interface WriterPorts {
  readonly queue: LogQueue;
  readonly sink: MessageSink;
  /** Reports failures. */
  readonly report: (error: unknown) => void;
  /** Called when the sink begins to fail, and when it works again. */
  readonly failing: (isFailing: boolean) => void;
}

/** Totals since the start. */
export interface WriterCounts {
  written: number;
  /** Records that the sink can never store. */
  refused: number;
  /** Writes that failed; each is repeated. */
  failures: number;
}

/** Writes the queue to the sink, batch by batch. A batch that fails is repeated until it is written or the log is closed. */
export class LogWriter {
  readonly #ports: WriterPorts;
  readonly #stop = new AbortController();
  readonly counts: WriterCounts = { written: 0, refused: 0, failures: 0 };
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> | undefined;
  /** Text of the last reported failure, until a write succeeds: an outage is reported once. */
  #failure: string | undefined;

  constructor(ports: WriterPorts) {
    this.#ports = ports;
  }

  /** Starts to write soon, unless that has begun. Called after each entry. */
  wake(): void {
    if (this.#timer !== undefined || this.#work !== undefined) return;
    this.#timer = setTimeout(() => this.#start(), GATHER_MS);
  }

  /**
   * Writes what waits.
   * @returns the number of records that were not written within the time
   */
  async flush(limitMs: number): Promise<number> {
    if (this.#timer !== undefined) this.#start();
    const late = new AbortController();
    const overdue = sleep(limitMs, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([this.#work, overdue]);
    late.abort();
    this.#stop.abort();
    return this.#ports.queue.size;
  }

  /** Resolves between two writes, when none is under way. */
  async idle(): Promise<void> {
    await this.#work;
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
      // An entry may have come after the last look at the queue.
      if (this.#ports.queue.size > 0 && !this.#stop.signal.aborted) this.wake();
    });
  }

  async #run(): Promise<void> {
    const { queue } = this.#ports;
    while ((queue.size > 0 || queue.hasRefused) && !this.#stop.signal.aborted) {
      const records = queue.peek(BATCH);
      const isWritten = await this.#write([...records, ...this.#gap()]);
      if (!isWritten) return;
      queue.release(records.length);
      await turn(); // a sink that answers at once must not keep sockets waiting
    }
  }

  /** A record of what the queue refused. */
  #gap(): LogRecord[] {
    const refused = this.#ports.queue.takeRefused();
    if (refused === undefined) return [];
    const reason = "the queue of the message log was full";
    return [this.#ports.queue.identify({ kind: "gap", timestamp: refused.until, ...refused, reason })];
  }

  /** @returns false when the log was closed before it succeeded */
  async #write(records: readonly LogRecord[]): Promise<boolean> {
    const { sink } = this.#ports;
    for (let attempt = 0; ; attempt++) {
      const refused = new Map<LogRecord, string>();
      try {
        await sink.write(records, (record, reason) => refused.set(record, reason));
        this.counts.written += records.length - refused.size;
        for (const [record, reason] of refused) this.#refuse(record, reason);
        this.#succeeded();
        return true;
      } catch (error) {
        this.#failed(error);
      }
      const delayMs = backoff(attempt, RETRY) * (0.5 + Math.random() / 2);
      const isAborted = await sleep(delayMs, false, { signal: this.#stop.signal }).catch(() => true);
      if (isAborted) return false;
    }
  }

  #refuse(record: LogRecord, reason: string): void {
    this.counts.refused++;
    this.#ports.report(new Error(`the sink refused a record of the kind ${record.kind}: ${reason}`));
    if (record.kind === "gap") return; // it would refuse the next one too
    const { timestamp } = record;
    this.#ports.queue.outcome({
      kind: "gap",
      timestamp,
      count: 1,
      since: timestamp,
      until: timestamp,
      reason,
    });
  }

  #succeeded(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#ports.failing(false);
  }

  #failed(error: unknown): void {
    this.counts.failures++;
    const text = error instanceof Error ? error.message : String(error);
    if (text === this.#failure) return;
    if (this.#failure === undefined) this.#ports.failing(true);
    this.#failure = text;
    this.#ports.report(error);
  }
}
