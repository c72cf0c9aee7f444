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
  toTidingsError,
} from "../protocol/protocol.ts";
import type { Receipt } from "../publish/publish.ts";
import type { Router } from "./router.ts";
import type { Sending } from "./sending.ts";

export interface InboundPorts {
  readonly router: Router;
  readonly sending: Sending;
  /** Work waiting on this node above which connections that send are no longer read. */
  readonly maxWaiting: number;
  readonly report: (stage: string, error: unknown) => void;
}

/** Work waiting for one connection above which it is no longer read: one client cannot use up the node's share. */
const MAX_WAITING_PER_CONNECTION = 128;

const PONG = encodeServerFrame({ type: "pong" });

/** What clients send: decoded, done, answered. Never throws. */
export class Inbound {
  readonly #ports: InboundPorts;
  /** The last message of a connection that is still on its way: the next one follows it. */
  readonly #lastMessage = new WeakMap<Connection, Promise<void>>();
  readonly #waitingOf = new Map<Connection, number>();
  readonly #paused = new Set<Connection>();
  #waiting = 0;

  constructor(ports: InboundPorts) {
    this.#ports = ports;
  }

  /** Requests and messages that have been read and not been done. */
  get waiting(): number {
    return this.#waiting;
  }

  text(connection: Connection, text: string): void {
    const decoded = decodeClientFrame(text);
    if ("error" in decoded) connection.send(encodeBadInput(decoded.error, decoded.id));
    else if (decoded.frame.kind === "ping") connection.send(PONG);
    else if (decoded.frame.kind === "request")
      this.#track(connection, this.#request(connection, decoded.frame));
    else this.#track(connection, this.#inOrder(connection, decoded.frame));
    if (connection.outbox.isFull) this.#pause(connection);
  }

  async #request(connection: Connection, { action, data, answer }: ClientRequest): Promise<void> {
    try {
      const reply = await this.#ports.router.run({ action, user: connection.user, connection }, data);
      connection.send(encodeReply(answer, reply));
    } catch (thrown) {
      this.#refuse(connection, action, thrown, answer);
    }
  }

  /** Messages of one connection are published in the order in which they came, whatever hooks do in between. */
  #inOrder(connection: Connection, message: ClientMessage): Promise<void> {
    const before = this.#lastMessage.get(connection) ?? Promise.resolve();
    const done = before.then(() => this.#message(connection, message));
    this.#lastMessage.set(connection, done);
    return done;
  }

  /** Done when the message is on its way; its receipt follows, and keeps no later message waiting. */
  async #message(connection: Connection, message: ClientMessage): Promise<void> {
    try {
      const publish = await this.#ports.sending.prepare(connection, message);
      void this.#answer(connection, message.answer, publish());
    } catch (thrown) {
      this.#refuse(connection, "message", thrown, message.answer);
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

  #track(connection: Connection, work: Promise<void>): void {
    const own = (this.#waitingOf.get(connection) ?? 0) + 1;
    this.#waitingOf.set(connection, own);
    this.#waiting++;
    if (own >= MAX_WAITING_PER_CONNECTION || this.#waiting >= this.#ports.maxWaiting) this.#pause(connection);
    void work.then(() => this.#done(connection));
  }

  #done(connection: Connection): void {
    this.#waiting--;
    const own = (this.#waitingOf.get(connection) ?? 1) - 1;
    if (own === 0) this.#waitingOf.delete(connection);
    else this.#waitingOf.set(connection, own);
    if (this.#paused.size > 0) this.#resumeReading();
  }

  /** Stops reading until the work is done and the replies have left. */
  #pause(connection: Connection): void {
    if (this.#paused.has(connection)) return;
    this.#paused.add(connection);
    connection.transport.pause();
    if (connection.outbox.isFull) void connection.outbox.whenDrained().then(() => this.#resumeReading());
  }

  #resumeReading(): void {
    if (this.#waiting >= this.#ports.maxWaiting) return;
    for (const connection of this.#paused) {
      if ((this.#waitingOf.get(connection) ?? 0) >= MAX_WAITING_PER_CONNECTION) continue;
      if (connection.outbox.isFull && connection.state === "open") {
        void connection.outbox.whenDrained().then(() => this.#resumeReading());
        continue;
      }
      this.#paused.delete(connection);
      connection.transport.resume();
    }
  }
}
