import type { Channel } from "../protocol/protocol.ts";

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
  /** Shared by messages with one content to several channels: all fields but ids and channels are alike. */
  readonly content?: object;
}

/** A message with its position in its channel's history. */
export interface StoredMessage extends Message {
  /** 1, 2, 3, … without holes. */
  readonly offset: number;
  /** Epoch of the history to which the message belongs. */
  readonly epoch: string;
}

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
    this.offset = offset;
    this.epoch = epoch;
  }
}
