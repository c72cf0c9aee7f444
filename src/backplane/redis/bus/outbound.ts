import type { Message } from "../../message.ts";
import { type Kind, LARGE_TEXT, LINE, VERSION } from "../line.ts";
import { isRepeat, ownOf, repeatOf } from "../passing.ts";
import type { TrafficCounts } from "./traffic.ts";

/** Lines and messages in one text: enough to make the cost of a PUBLISH small, and few enough to be read between two other things. */
const LARGEST_COUNT = 512;
/** Given to Redis and not confirmed: while it is slow or away, memory stays bounded and what is more is dropped. */
const MAX_UNCONFIRMED_CHARACTERS = 64 * 2 ** 20;

/** Sends a text to a node. */
export type Publish = (token: string, text: string) => Promise<unknown>;

/** The next text to a node. */
interface Parcel {
  readonly token: string;
  text: string;
  /** What the messages of its last line share; empty when it is a line of another kind. */
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
  #parcels = new Map<string, Parcel>();
  #isScheduled = false;
  #unconfirmed = 0;
  /** Lines of one kind come in a row, and counting each would cost as much as sending it. */
  #kind: Kind = "M";
  #uncounted = 0;
  /** The message that was written down last, for all nodes that get it. */
  #written: Message | undefined;
  #own = "";

  /** @param publish must not be called by others for the same destination, or lines may change their order */
  constructor(publish: Publish, traffic: TrafficCounts) {
    this.#publish = publish;
    this.#traffic = traffic;
  }

  /** Sends a line before the tick is over. At most once: it is dropped when Redis is away or takes nothing. */
  post(token: string, kind: Kind, line: string): void {
    const parcel = this.#parcelTo(token);
    parcel.text += LINE + line;
    parcel.shared = "";
    this.#added(parcel, kind);
  }

  /** The same for a message, which takes what it shares with others from the line before it, if that begins alike. */
  pass(token: string, shared: string, message: Message): void {
    const parcel = this.#parcelTo(token);
    if (shared !== parcel.shared) {
      parcel.text += LINE + shared;
      parcel.shared = shared;
      parcel.last = undefined;
    }
    parcel.text += isRepeat(message, parcel.last) ? repeatOf(message) : this.#ownOf(message);
    parcel.last = message;
    this.#added(parcel, "M");
  }

  /** Sends what is collected. */
  readonly flush = (): void => {
    this.#isScheduled = false;
    const parcels = this.#parcels;
    this.#parcels = new Map();
    this.#written = undefined;
    this.#own = "";
    for (const parcel of parcels.values()) this.#send(parcel);
    this.#count(this.#kind);
  };

  #ownOf(message: Message): string {
    if (message !== this.#written) {
      this.#written = message;
      this.#own = ownOf(message);
    }
    return this.#own;
  }

  #parcelTo(token: string): Parcel {
    let parcel = this.#parcels.get(token);
    if (parcel === undefined) {
      parcel = { token, text: VERSION, shared: "", last: undefined, count: 0 };
      this.#parcels.set(token, parcel);
    }
    return parcel;
  }

  #added(parcel: Parcel, kind: Kind): void {
    parcel.count++;
    if (kind !== this.#kind) this.#count(kind);
    this.#uncounted++;
    if (parcel.count === LARGEST_COUNT || parcel.text.length >= LARGE_TEXT) {
      this.#parcels.delete(parcel.token);
      this.#send(parcel);
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.flush);
  }

  #send({ token, text, count }: Parcel): void {
    const { length } = text;
    if (this.#unconfirmed > MAX_UNCONFIRMED_CHARACTERS) {
      this.#traffic.dropped += count;
      return;
    }
    this.#unconfirmed += length;
    this.#traffic.bytes.out += length;
    this.#publish(token, text).then(
      () => {
        this.#unconfirmed -= length;
      },
      () => {
        this.#unconfirmed -= length;
        this.#traffic.dropped += count;
      },
    );
  }

  /** Counts the lines since the last count, and goes on with those of a kind. */
  #count(kind: Kind): void {
    this.#traffic.sent(this.#kind, this.#uncounted);
    this.#uncounted = 0;
    this.#kind = kind;
  }
}
