import type { Message } from "../../message.ts";
import { encodeOwn, encodeRepeated, hasSameContent } from "../wire/ephemeral-line.ts";
import { type Kind, LARGE_PAYLOAD, LINE, NEWLINE, VERSION } from "../wire/lines.ts";
import type { TrafficCounts } from "./traffic.ts";

/**
 * Lines and messages in one payload: enough to make a PUBLISH cheap, and few enough for its receiver to do other work
 * in between.
 */
const MAX_COUNT = 512;
/** Maximum of characters in flight to Redis. Further lines are dropped, so memory stays bounded while Redis is slow. */
const MAX_UNCONFIRMED_CHARACTERS = 64 * 2 ** 20;

/** Publishes a payload to a node. */
export type Publish = (token: string, payload: string) => Promise<unknown>;

/** The next payload to a node. */
interface Batch {
  readonly token: string;
  payload: string;
  /** The fields that the messages of the last line share; empty when the last line is of another kind. */
  shared: string;
  /** The last message of that line. */
  last: Message | undefined;
  /** Lines, and messages that share one. */
  count: number;
}

/** Lines to other nodes, collected during a tick: one PUBLISH for each destination. */
export class Outbound {
  readonly #publish: Publish;
  readonly #traffic: TrafficCounts;
  #batches = new Map<string, Batch>();
  #isScheduled = false;
  #unconfirmed = 0;
  /**
   * The kind of the lines that are not counted yet. Lines of one kind come in a row; counting each would cost as much
   * as sending it.
   */
  #kind: Kind = LINE.ephemeral;
  #uncounted = 0;
  /** The message encoded last, and its encoding, which all target nodes of the message share. */
  #encoded: Message | undefined;
  #own = "";

  /** @param publish must be the only publisher to a destination, or lines may change their order */
  constructor(publish: Publish, traffic: TrafficCounts) {
    this.#publish = publish;
    this.#traffic = traffic;
  }

  /** Sends a line before the tick ends. At most once: it is dropped when Redis is unavailable or too slow. */
  post(token: string, kind: Kind, line: string): void {
    const batch = this.#batchTo(token);
    batch.payload += NEWLINE + line;
    batch.shared = "";
    this.#added(batch, kind);
  }

  /**
   * Sends a message before the tick ends. The message joins the previous line when that line has the same shared
   * fields.
   */
  pass(token: string, shared: string, message: Message): void {
    const batch = this.#batchTo(token);
    if (shared !== batch.shared) {
      batch.payload += NEWLINE + shared;
      batch.shared = shared;
      batch.last = undefined;
    }
    batch.payload += hasSameContent(message, batch.last) ? encodeRepeated(message) : this.#ownOf(message);
    batch.last = message;
    this.#added(batch, LINE.ephemeral);
  }

  /** Sends all batches now. */
  readonly flush = (): void => {
    this.#isScheduled = false;
    const batches = this.#batches;
    this.#batches = new Map();
    this.#encoded = undefined;
    this.#own = "";
    for (const batch of batches.values()) this.#send(batch);
    this.#count(this.#kind);
  };

  #ownOf(message: Message): string {
    if (message !== this.#encoded) {
      this.#encoded = message;
      this.#own = encodeOwn(message);
    }
    return this.#own;
  }

  #batchTo(token: string): Batch {
    let batch = this.#batches.get(token);
    if (batch === undefined) {
      batch = { token, payload: VERSION, shared: "", last: undefined, count: 0 };
      this.#batches.set(token, batch);
    }
    return batch;
  }

  #added(batch: Batch, kind: Kind): void {
    batch.count++;
    if (kind !== this.#kind) this.#count(kind);
    this.#uncounted++;
    if (batch.count === MAX_COUNT || batch.payload.length >= LARGE_PAYLOAD) {
      this.#batches.delete(batch.token);
      this.#send(batch);
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.flush);
  }

  #send({ token, payload, count }: Batch): void {
    const { length } = payload;
    if (this.#unconfirmed > MAX_UNCONFIRMED_CHARACTERS) {
      this.#traffic.dropped += count;
      return;
    }
    this.#unconfirmed += length;
    this.#traffic.bytes.out += length;
    this.#publish(token, payload).then(
      () => {
        this.#unconfirmed -= length;
      },
      () => {
        this.#unconfirmed -= length;
        this.#traffic.dropped += count;
      },
    );
  }

  /** Counts the lines since the last count. The next lines are of `kind`. */
  #count(kind: Kind): void {
    this.#traffic.sent(this.#kind, this.#uncounted);
    this.#uncounted = 0;
    this.#kind = kind;
  }
}
