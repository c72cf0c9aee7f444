import { setTimeout as sleep } from "node:timers/promises";
import { type Channel, TidingsError } from "../protocol/protocol.ts";
import { Expiry } from "./expiry.ts";
import { LogQueue, type QueueLimits } from "./queue.ts";
import type { LoggedEdit, LoggedMessage, LoggedReceipt } from "./record.ts";
import type { FoundPage, MessageQuery, MessageSink } from "./sink.ts";
import { LogWriter } from "./writer.ts";

export interface MessageLogOptions {
  readonly sink: MessageSink;
  /** Id of this node, which each record carries. */
  readonly node: string;
  readonly limits: QueueLimits;
  /** Age at which records are deleted, in milliseconds. 0: never. */
  readonly ageMs: number;
  /** The clock of the timestamps of messages. */
  readonly now: () => number;
  /** Reports failures, without secrets. An outage of the sink is reported once. */
  readonly report: (error: unknown) => void;
  /** Called when the sink begins to fail, and when it works again. */
  readonly failing: (isFailing: boolean) => void;
}

/** Numbers of the log for the metrics. Totals count since the start. */
export interface MessageLogCounts {
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly written: number;
  /** Records that a full queue refused, or that were left at the end. */
  readonly dropped: number;
  /** Records that the sink can never store. */
  readonly refused: number;
  readonly failures: number;
}

/** Time for the sink to close. A write that hangs would keep it from that. */
const CLOSE_MS = 1_000;

/**
 * The message log of a node: takes stored messages and outcomes off the path of messages, and writes them to a sink. Calls that add
 * return at once, without a promise, and never throw.
 */
export class MessageLog {
  readonly #options: MessageLogOptions;
  readonly #queue: LogQueue;
  readonly #writer: LogWriter;
  readonly #expiry: Expiry;

  /** @throws TidingsError `bad_request` for an age when the sink cannot delete */
  constructor(options: MessageLogOptions) {
    const { sink, limits, node, report, failing, ageMs, now } = options;
    if (ageMs > 0 && sink.expire === undefined) {
      throw new TidingsError(
        "bad_request",
        "messageLogLimits.ageMs: this message log cannot delete, leave it out",
      );
    }
    this.#options = options;
    this.#queue = new LogQueue(limits, node);
    this.#writer = new LogWriter({ queue: this.#queue, sink, report, failing });
    this.#expiry = new Expiry({ sink, ageMs, now, report });
  }

  /** Adds a stored message, once it is confirmed. */
  stored(message: LoggedMessage, receipt: LoggedReceipt): void {
    this.#queue.stored(message, receipt);
    this.#writer.wake();
  }

  /** Adds the failure of a publish. */
  failed({ id: message, channel, from, type }: LoggedMessage, { code, message: reason }: TidingsError): void {
    this.#queue.outcome({
      kind: "failed",
      timestamp: this.#options.now(),
      ...{ message, channel, from, type, code, reason },
    });
    this.#writer.wake();
  }

  /** Adds an edit or a deletion of a stored message. @param receipt of the notice */
  changed(
    { id: message, channel }: LoggedMessage,
    { notice: { from, timestamp }, body: data }: LoggedEdit,
    { offset = 0 }: LoggedReceipt,
  ): void {
    const about = { timestamp, message, channel, from, offset };
    this.#queue.outcome(data === null ? { kind: "deleted", ...about } : { kind: "edited", ...about, data });
    this.#writer.wake();
  }

  /** Adds the number of connections of this node whose full queues refused a stored message. */
  dropped({ id: message, channel }: LoggedMessage, count: number): void {
    this.#queue.outcome({ kind: "dropped", timestamp: this.#options.now(), message, channel, count });
    this.#writer.wake();
  }

  /** Adds a cursor move. */
  acknowledged(user: string, device: string, channel: Channel, offset: number): void {
    const timestamp = this.#options.now();
    this.#queue.outcome({ kind: "acknowledged", timestamp, channel, user, device, offset });
    this.#writer.wake();
  }

  /** Opens the sink. @throws whatever the sink rejects with, at a destination that can never work */
  async open(): Promise<void> {
    await this.#options.sink.open?.();
    this.#expiry.start();
  }

  /** Writes what waits, for a limited time, and closes the sink. What is left over is reported. */
  async close(limitMs: number): Promise<void> {
    this.#expiry.stop();
    const left = await this.#writer.flush(limitMs);
    if (left > 0) {
      const text = `message log: ${left} records were not written within ${limitMs} ms, and are lost`;
      this.#options.report(new TidingsError("unavailable", text));
    }
    const late = new AbortController();
    const overdue = sleep(CLOSE_MS, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([this.#options.sink.close?.(), overdue]);
    late.abort();
  }

  /**
   * Searches stored messages, newest first. A message is found some milliseconds after its publish.
   * @throws TidingsError `bad_request` for a sink that cannot be searched and for a bad cursor, `timeout` for a search that takes too
   * long, `unavailable` without the database
   */
  async search(query: MessageQuery): Promise<FoundPage> {
    const { sink } = this.#options;
    if (sink.search === undefined) throw new TidingsError("bad_request", NOT_SEARCHABLE);
    return sink.search(query);
  }

  get counts(): MessageLogCounts {
    const { size: waiting, bytes: waitingBytes, dropped } = this.#queue;
    return { waiting, waitingBytes, dropped, ...this.#writer.counts };
  }
}

const NOT_SEARCHABLE =
  "this message log cannot be searched: set messageLog (MESSAGE_LOG) to sqlite:<file> or postgres://<user>:<password>@<host>/<database>";
