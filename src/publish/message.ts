import { randomBytes } from "node:crypto";
import type { Message } from "../backplane/backplane.ts";
import type { Channel } from "../protocol/protocol.ts";

/** What a message takes over from whoever publishes it. */
export interface Addressed {
  readonly channel: Channel;
  readonly type: string;
  /** The user who sends; absent for the application. */
  readonly from?: string;
  /** Only to connections on these platforms. */
  readonly platforms?: readonly string[];
  /** Not to the connections with these ids. Holds for live delivery; a connection's id does not survive it. */
  readonly except?: readonly string[];
}

/**
 * A message that is on its way from now on. A class, because V8 makes the objects of a literal in the old generation once
 * many of them have lived long, as those do that wait for a look-up: from then on the texts of each message would outlive it,
 * and publishing would cost a third more.
 */
export class AcceptedMessage implements Message {
  readonly id: string;
  readonly type: string;
  readonly body: string;
  readonly timestamp = Date.now();
  readonly from: string | undefined;
  readonly channel: Channel;
  readonly platforms: readonly string[] | undefined;
  readonly except: readonly string[] | undefined;

  constructor(id: string, body: string, { type, from, channel, platforms, except }: Addressed) {
    this.id = id;
    this.type = type;
    this.body = body;
    this.from = from;
    this.channel = channel;
    this.platforms = platforms;
    this.except = except;
  }
}

const RADIX = 36;
/** The last two digits of a sequence number: to convert each number would cost more than the rest of an id. */
const ENDINGS: readonly string[] = Array.from({ length: RADIX ** 2 }, (_, index) =>
  index.toString(RADIX).padStart(2, "0"),
);

/** Names for messages, unique in the cluster: one for this start of the node, and a number. */
export class MessageIds {
  readonly #base = `${randomBytes(6).toString("base64url")}-`;
  #beginning = `${this.#base}0`;
  #rounds = 0;
  #next = 0;

  next(): string {
    const ending = ENDINGS[this.#next++];
    if (ending !== undefined) return this.#beginning + ending;
    this.#beginning = this.#base + (++this.#rounds).toString(RADIX);
    this.#next = 0;
    return this.next();
  }
}
