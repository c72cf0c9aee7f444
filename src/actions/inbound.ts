import type { Connection } from "../local/local.ts";
import {
  type ClientMessage,
  type ClientRequest,
  decodeClientFrame,
  encodeBadInput,
  encodeError,
  encodeReply,
  encodeServerFrame,
  type RequestForm,
  TidingsError,
  toTidingsError,
} from "../protocol/protocol.ts";
import type { Receipt } from "../publish/publish.ts";
import { InboundState } from "./inbound-state.ts";
import { Intake } from "./intake.ts";
import type { Router } from "./router.ts";
import type { Sending } from "./sending.ts";

export interface InboundPorts {
  readonly router: Router;
  readonly sending: Sending;
  /** Requests and messages in flight on this node above which connections that send are no longer read. */
  readonly maxWaiting: number;
  readonly report: (stage: string, error: unknown) => void;
}

/** Messages of one connection whose acknowledgement is awaited at the same time. */
const MAX_AWAITED_ACKS = 1_000;

const PONG = encodeServerFrame({ type: "pong" });

/** Decodes, runs and answers the texts that clients send. Never throws. */
export class Inbound {
  readonly #ports: InboundPorts;
  readonly #intake: Intake;

  constructor(ports: InboundPorts) {
    this.#ports = ports;
    this.#intake = new Intake(ports.maxWaiting, (connection, text) => this.#handle(connection, text));
  }

  /** Requests and messages that were read and are not done. */
  get waiting(): number {
    return this.#intake.inFlight;
  }

  /** Takes a text that was read from a connection. */
  text(connection: Connection, text: string): void {
    this.#intake.take(connection, text);
  }

  #handle(connection: Connection, text: string): Promise<void> | undefined {
    const decoded = decodeClientFrame(text);
    if ("error" in decoded) connection.send(encodeBadInput(decoded.error, decoded.id));
    else if (decoded.frame.kind === "request") return this.#request(connection, decoded.frame);
    else if (decoded.frame.kind === "message") return this.#inOrder(connection, decoded.frame);
    else connection.send(PONG);
    return undefined;
  }

  async #request(connection: Connection, { action, data, answer }: ClientRequest): Promise<void> {
    try {
      const reply = await this.#ports.router.run({ action, user: connection.user, connection }, data);
      connection.send(encodeReply(answer, reply));
    } catch (thrown) {
      this.#refuse(connection, action, thrown, answer);
    }
  }

  #inOrder(connection: Connection, message: ClientMessage): Promise<void> {
    return connection.attached(InboundState).messages.run(() => this.#message(connection, message));
  }

  /** Resolves when the message is handed to the publisher. Its receipt follows and does not delay later messages. */
  async #message(connection: Connection, message: ClientMessage): Promise<void> {
    try {
      const publish = await this.#ports.sending.prepare(connection, message);
      const receipt = message.ack ? this.#countAck(connection, publish) : publish();
      void this.#answer(connection, message.answer, receipt);
    } catch (thrown) {
      this.#refuse(connection, "message", thrown, message.answer);
    }
  }

  /** Bounds the awaited acknowledgements, because reading goes on while they are awaited. */
  async #countAck(connection: Connection, publish: () => Promise<Receipt>): Promise<Receipt> {
    const state = connection.attached(InboundState);
    if (state.awaitedAcks === MAX_AWAITED_ACKS) {
      throw new TidingsError("rate_limited", `${MAX_AWAITED_ACKS} messages wait for their acknowledgement`);
    }
    state.awaitedAcks++;
    try {
      return await publish();
    } finally {
      state.awaitedAcks--;
    }
  }

  async #answer(
    connection: Connection,
    answer: RequestForm | undefined,
    receipt: Promise<Receipt>,
  ): Promise<void> {
    try {
      const settled = await receipt;
      if (answer !== undefined) connection.send(encodeReply(answer, settled));
    } catch (thrown) {
      this.#refuse(connection, "message", thrown, answer);
    }
  }

  #refuse(connection: Connection, stage: string, thrown: unknown, answer?: RequestForm): void {
    const error = toTidingsError(thrown);
    if (error !== thrown) this.#ports.report(stage, thrown);
    connection.send(answer === undefined ? encodeBadInput(error) : encodeError(answer, error));
  }
}
