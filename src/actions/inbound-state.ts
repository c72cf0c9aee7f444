import { Attachment } from "../local/local.ts";
import { Serial } from "../protocol/protocol.ts";

/** Texts of a paused connection that wait until there is room. */
export interface Backlog {
  readonly texts: string[];
  /** Index of the next text to handle. */
  next: number;
  /** True while the intake waits for the connection's send queue to drain. */
  awaitsDrain: boolean;
}

/** State of the actions about one connection: its requests and messages in flight, and its backlog. */
export class InboundState extends Attachment {
  /** Requests and messages in flight. */
  inFlight = 0;
  /** Set while the connection is paused. */
  backlog: Backlog | undefined;
  /** Number of awaited acknowledgements. */
  awaitedAcks = 0;
  #messages: Serial | undefined;
  #groupChanges: Serial | undefined;

  /** Runs the client's messages in the order of their arrival, however long hooks take. */
  get messages(): Serial {
    this.#messages ??= new Serial();
    return this.#messages;
  }

  /** Runs joins and leaves in the order of the requests, so that the last request decides. */
  get groupChanges(): Serial {
    this.#groupChanges ??= new Serial();
    return this.#groupChanges;
  }
}
