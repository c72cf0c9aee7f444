import { type Kind, LINE, VERSION } from "./line.ts";
import type { TrafficCounts } from "./traffic.ts";

/** Lines in one text: enough to make the cost of a PUBLISH small, and few enough to be read between two other things. */
const LINES_PER_TEXT = 512;
/** Given to Redis and not confirmed: while it is slow or away, memory stays bounded and what is more is dropped. */
const MAX_UNCONFIRMED_CHARACTERS = 64 * 2 ** 20;

/** Sends a text to a node. */
export type Publish = (token: string, text: string) => Promise<unknown>;

/** The next text to a node. */
interface Parcel {
  readonly token: string;
  text: string;
  lines: number;
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

  /** @param publish must not be called by others for the same destination, or lines may change their order */
  constructor(publish: Publish, traffic: TrafficCounts) {
    this.#publish = publish;
    this.#traffic = traffic;
  }

  /** Sends a line before the tick is over. At most once: it is dropped when Redis is away or takes nothing. */
  post(token: string, kind: Kind, line: string): void {
    let parcel = this.#parcels.get(token);
    if (parcel === undefined) {
      parcel = { token, text: VERSION, lines: 0 };
      this.#parcels.set(token, parcel);
    }
    parcel.text += LINE + line;
    parcel.lines++;
    if (kind !== this.#kind) this.#count(kind);
    this.#uncounted++;
    if (parcel.lines === LINES_PER_TEXT) {
      this.#parcels.delete(token);
      this.#send(parcel);
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.flush);
  }

  /** Sends what is collected. */
  readonly flush = (): void => {
    this.#isScheduled = false;
    const parcels = this.#parcels;
    this.#parcels = new Map();
    for (const parcel of parcels.values()) this.#send(parcel);
    this.#count(this.#kind);
  };

  #send({ token, text, lines }: Parcel): void {
    const { length } = text;
    if (this.#unconfirmed > MAX_UNCONFIRMED_CHARACTERS) {
      this.#traffic.dropped += lines;
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
        this.#traffic.dropped += lines;
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
