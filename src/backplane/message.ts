import { type Channel, TidingsError } from "../protocol/protocol.ts";

/** A message between publish and delivery. */
export interface Message {
  readonly id: string;
  readonly type: string;
  /** The data as JSON text: encoded once, never again, and safe from changes by the publisher. */
  readonly body: string;
  /** Milliseconds since 1970, the clock of the node that took it. */
  readonly timestamp: number;
  /** The user who sent it; absent when the application did. */
  readonly from?: string;
  readonly channel: Channel;
  /** Only for connections on these platforms. */
  readonly platforms?: readonly string[];
  /** Not for the connections with these ids. */
  readonly except?: readonly string[];
  /** On a copy for its sender: the user to whom the message went. */
  readonly recipient?: string;
  /**
   * Context of the publish in a trace, when that is sampled: `traceparent` of W3C Trace Context, and after a space `tracestate`. A
   * backplane MAY leave it out; with it other nodes continue the trace. Clients never get it.
   */
  readonly trace?: string | undefined;
  /** Shared by messages with one content to several channels: all fields but ids and channels are alike. */
  readonly content?: object;
}

/** A message with its position in its channel's history. */
export interface StoredMessage extends Message {
  /** 1, 2, 3, … without holes. */
  readonly offset: number;
  /** Epoch of the history to which the message belongs. */
  readonly epoch: string;
  /** Its last edit or its deletion; absent when it is as it was published. */
  readonly change?: MessageChange | undefined;
}

/** Mark of a message whose data was replaced where it lies. */
export interface MessageChange {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Offset of the notice that tells of it. */
  readonly notice: number;
  /** True: the data is gone. False: it is edited. */
  readonly deleted: boolean;
}

/** An edit or a deletion of a stored message. */
export interface MessageEdit {
  /** Message that tells the receivers. It is appended to the channel of the message that it changes. */
  readonly notice: Message;
  /** Position of the message to change, and its id: after a failover the offset may belong to another one. */
  readonly epoch: string;
  readonly offset: number;
  readonly id: string;
  /** The new data as JSON text; null deletes. */
  readonly body: string | null;
}

/** Body of a message without data. */
export const NO_BODY = "null";

/**
 * Applies an edit or a deletion to a stored message. A deleted message goes to no platform: who reads on after it gets a skipped
 * offset in its place.
 */
export const changed = (
  message: StoredMessage,
  body: string | null,
  change: MessageChange,
): StoredMessage => ({
  ...message,
  body: body ?? NO_BODY,
  platforms: body === null ? [] : message.platforms,
  change,
});

/** Takes the data out of a notice that a later one replaces, or deleted text would still be there. It goes to nobody any more. */
export const withdrawn = (notice: StoredMessage): StoredMessage => ({
  ...notice,
  body: NO_BODY,
  platforms: [],
});

/** Makes the error for a message that is not there to be changed. */
export const messageGone = (channel: Channel, offset: number): TidingsError =>
  new TidingsError(
    "not_found",
    `${channel}: no message to change at offset ${offset}: it is not retained, deleted, or another one`,
  );

/** Message that has got its position. A class: to copy a message by spreading it takes ten times as long. */
export class PlacedMessage implements StoredMessage {
  readonly id: string;
  readonly type: string;
  readonly body: string;
  readonly timestamp: number;
  readonly from: string | undefined;
  readonly channel: Channel;
  readonly platforms: readonly string[] | undefined;
  readonly except: readonly string[] | undefined;
  readonly recipient: string | undefined;
  readonly trace: string | undefined;
  readonly offset: number;
  readonly epoch: string;

  constructor(message: Message, epoch: string, offset: number) {
    this.id = message.id;
    this.type = message.type;
    this.body = message.body;
    this.timestamp = message.timestamp;
    this.from = message.from;
    this.channel = message.channel;
    this.platforms = message.platforms;
    this.except = message.except;
    this.recipient = message.recipient;
    this.trace = message.trace;
    this.offset = offset;
    this.epoch = epoch;
  }
}
