import type { Channel } from "../protocol/protocol.ts";

/** A message on its way from publish to delivery. */
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
  /** Only connections on these platforms get it. */
  readonly platforms?: readonly string[];
  /** Connections that do not get it. */
  readonly except?: readonly string[];
  /** One object for the messages that say the same to several channels: all but their ids and channels are alike. */
  readonly content?: object;
}

/** A message that has its place in its channel's history. */
export interface StoredMessage extends Message {
  /** 1, 2, 3, … without holes. */
  readonly offset: number;
  /** The history it belongs to. */
  readonly epoch: string;
}
