import { Attachment } from "../local/local.ts";
import { Serial } from "../protocol/protocol.ts";

/** Texts that were read from a connection and not handled yet, because there was no room. */
export interface Backlog {
  readonly texts: string[];
  /** Index of the next text to handle. */
  next: number;
  /** True while the connection's send queue is waited for. */
  awaitsDrain: boolean;
}

/** State of this room about one connection: requests and messages of its client that are not done. */
export class InboundState extends Attachment {
  /** Requests and messages in flight. */
  inFlight = 0;
  /** Set while the connection is not read. */
  backlog: Backlog | undefined;
  /** Messages whose acknowledgement is awaited. */
  awaitedAcks = 0;
  #messages: Serial | undefined;
  #groupChanges: Serial | undefined;

  /** Publishes the client's messages in the order in which they came, however long hooks take. */
  get messages(): Serial {
    this.#messages ??= new Serial();
    return this.#messages;
  }

  /** Makes joins and leaves in the order of the requests, so that the last request decides. */
  get groupChanges(): Serial {
    this.#groupChanges ??= new Serial();
    return this.#groupChanges;
  }
}
