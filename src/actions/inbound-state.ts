import { Attachment, type Connection } from "../local/local.ts";
import { Serial } from "../protocol/protocol.ts";
import type { Holding } from "./inbound-bytes.ts";

/** Texts of a paused connection that wait until there is room. */
export class Backlog implements Holding {
  readonly texts: string[] = [];
  bytes = 0;
  /** Index of the next text to handle. */
  next = 0;
  /** True while the intake waits for the connection's send queue to drain. */
  awaitsDrain = false;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  giveUp(): void {
    this.texts.length = 0;
    this.next = 0;
    this.#connection.close("overload");
    this.#connection.terminate();
  }
}

/** State of the actions about one connection: its requests and messages in flight, and its backlog. */
export class InboundState extends Attachment {
  /** Requests and messages in flight. */
  inFlight = 0;
  /** Characters of their texts. */
  inFlightBytes = 0;
  /** Turn of the event loop in which the last text was handled, and texts that were handled in it. */
  turn = 0;
  inTurn = 0;
  /** True while the node does not read on, because the user sends faster than its pace. */
  isResting = false;
  /** Set while the connection is paused. */
  backlog: Backlog | undefined;
  /** Number of awaited acknowledgements. */
  awaitedAcks = 0;
  #messages: Serial | undefined;

  /** Runs the client's messages in the order of their arrival, however long hooks take. */
  get messages(): Serial {
    this.#messages ??= new Serial();
    return this.#messages;
  }
}
