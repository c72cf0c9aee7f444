import { randomBytes } from "node:crypto";
import type { Message } from "../backplane/backplane.ts";
import type { Channel } from "../protocol/protocol.ts";

/** Content of a message, without its channel. */
export interface Content {
  readonly type: string;
  /** JSON text. */
  readonly body: string;
  /** Time of the publish, in milliseconds since 1970. */
  readonly timestamp: number;
  /** The user who sends; absent for the application. */
  readonly from?: string | undefined;
  /** Only to connections on these platforms. */
  readonly platforms?: readonly string[] | undefined;
  /** Not to the connections with these ids. Only for live delivery: a reconnect gets a new id. */
  readonly except?: readonly string[] | undefined;
  /** On a copy for its sender: the user to whom the message went. */
  readonly recipient?: string | undefined;
}

/**
 * A message that the publisher has accepted. It is a class, because V8 allocates the objects of a literal in the old
 * generation once many of them have lived long, like messages that wait for a look-up. From then on the texts of each
 * message would outlive it, and publishing would cost a third more.
 */
export class AcceptedMessage implements Message {
  readonly id: string;
  readonly type: string;
  readonly body: string;
  readonly timestamp: number;
  readonly from: string | undefined;
  readonly channel: Channel;
  readonly platforms: readonly string[] | undefined;
  readonly except: readonly string[] | undefined;
  readonly recipient: string | undefined;
  /** Set by the span of the publish, when it is sampled. */
  trace: string | undefined;
  readonly content: Content | undefined;

  /** @param isOneOfMany true when one call sends the content to several channels */
  constructor(id: string, channel: Channel, content: Content, isOneOfMany = false) {
    this.id = id;
    this.type = content.type;
    this.body = content.body;
    this.timestamp = content.timestamp;
    this.from = content.from;
    this.channel = channel;
    this.platforms = content.platforms;
    this.except = content.except;
    this.recipient = content.recipient;
    this.trace = undefined;
    this.content = isOneOfMany ? content : undefined;
  }
}

const RADIX = 36;
/** Last two digits of a sequence number: converting each number would cost more than the rest of an id. */
const ENDINGS: readonly string[] = Array.from({ length: RADIX ** 2 }, (_, index) =>
  index.toString(RADIX).padStart(2, "0"),
);

/** Makes ids of messages, unique in the cluster: a random part for this start of the node, and a number. */
export class MessageIds {
  readonly #base = `${randomBytes(6).toString("base64url")}-`;
  #beginning = `${this.#base}0`;
  #rounds = 0;
  #next = 0;

  /** Tells whether `next` has made an id since the start. */
  made(id: string): boolean {
    return id.startsWith(this.#base);
  }

  next(): string {
    const ending = ENDINGS[this.#next++];
    if (ending !== undefined) return this.#beginning + ending;
    this.#beginning = this.#base + (++this.#rounds).toString(RADIX);
    this.#next = 0;
    return this.next();
  }
}
