import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "../local/local.ts";
import {
  type Channel,
  type ClientMessage,
  type ClientRequest,
  channelOf,
  type Decoded,
  decodeClientFrame,
  type ErrorCode,
  encodeBadInput,
  encodeError,
  encodeReply,
  encodeServerFrame,
  type RequestForm,
  TidingsError,
  toTidingsError,
} from "../protocol/protocol.ts";
import type { Receipt } from "../publish/publish.ts";
import type { InboundBytes } from "./inbound-bytes.ts";
import { InboundState } from "./inbound-state.ts";
import { Intake } from "./intake.ts";
import { type Limits, limitNotice } from "./limits/limits.ts";
import { RequestContext, type Router } from "./router.ts";
import type { Sending } from "./sending.ts";

export interface InboundPorts {
  readonly router: Router;
  readonly sending: Sending;
  /** Limit of requests and messages in flight on this node. At the limit the node pauses the connections that send. */
  readonly maxWaiting: number;
  /** Budget for the bytes of texts that wait. */
  readonly bytes: InboundBytes;
  readonly limits: Pick<
    Limits,
    "message" | "ping" | "pauseMs" | "action" | "isAbuse" | "assertTurn" | "keepPlace"
  >;
  readonly report: (stage: string, error: unknown, connection?: Connection) => void;
  readonly meter: RequestMeter;
  /** The flight recorder: it gets the messages that did not get as far as the publisher. @default none */
  readonly recorder?: SendRecorder | undefined;
  /** @default nothing is traced */
  readonly tracing?: RequestTracing | undefined;
}

/** Flight recorder, as the path of clients' messages sees it. */
interface SendRecorder {
  failed(
    channel: Channel,
    error: TidingsError,
    sender: { readonly user: string; readonly connection: string },
  ): void;
}

/** Traces of clients' requests and messages. */
export interface RequestTracing {
  /** Handles a request or a message. @param action as for the meter */
  request<Result>(action: string, connection: Connection, work: () => Promise<Result>): Promise<Result>;
  /** Notes an error of the request that is being handled. */
  failed(error: TidingsError): void;
}

/** Meter of clients' requests. */
export interface RequestMeter {
  /** @param action name of a registered action, or {@link UNKNOWN_ACTION} */
  handled(action: string, seconds: number, error: ErrorCode | undefined): void;
  /** A limit has refused a request before it was run. */
  refused(error: ErrorCode): void;
}

/** Stands for all actions that are not registered: clients choose their names, and a series for each would fill the memory. */
export const UNKNOWN_ACTION = "unknown";

/** Limit of awaited acknowledgements per connection. */
const MAX_AWAITED_ACKS = 1_000;

/**
 * Time for which a refused message or request keeps its place of the connection. So the node reads a client over its limit slowly, and its flood
 * stays in its own socket.
 */
const REFUSED_MS = 100;

const PONG = encodeServerFrame({ type: "pong" });

/** Decodes, runs and answers the texts that clients send. Never throws. */
export class Inbound {
  readonly #ports: InboundPorts;
  readonly #intake: Intake;
  /** Texts that clients have sent since the start. */
  received = 0;

  constructor(ports: InboundPorts) {
    this.#ports = ports;
    this.#intake = new Intake(
      { texts: ports.maxWaiting, budget: ports.bytes },
      (connection, text) => this.#handle(connection, text),
      (error) => ports.report("intake", error),
    );
    ports.router.onOverdue = ({ connection }, work) => this.#intake.keep(connection as Connection, work); // #request passed it to the router
  }

  /** Requests and messages in flight for all connections. */
  get waiting(): number {
    return this.#intake.inFlight;
  }

  /** Bytes that the node has received and not handled, and connections that were ended because of them. */
  get bytes(): { readonly held: number; readonly cut: number } {
    return { held: this.#ports.bytes.total + this.#intake.inFlightBytes, cut: this.#ports.bytes.cut };
  }

  /** Takes a text from a connection. */
  text(connection: Connection, text: string): void {
    this.received++;
    this.#intake.take(connection, text);
  }

  #handle(connection: Connection, text: string): Promise<void> | undefined {
    const { limits } = this.#ports;
    const decoded = decodeClientFrame(text);
    const frame = "frame" in decoded ? decoded.frame : undefined;
    const key = frame?.kind === "message" ? frame.key : undefined;
    const refusal = frame?.kind === "ping" ? limits.ping(connection) : limits.message(connection, key);
    if (refusal !== undefined) {
      this.#limit(connection, refusal, decoded);
      return undefined;
    }
    const pauseMs = limits.pauseMs(connection);
    if (pauseMs > 0) this.#intake.rest(connection, pauseMs);
    if ("error" in decoded) connection.send(encodeBadInput(decoded.error, decoded.id));
    else if (decoded.frame.kind === "ping") connection.send(PONG);
    else return this.#run(connection, decoded.frame);
    return undefined;
  }

  #run(connection: Connection, frame: ClientRequest | ClientMessage): Promise<void> | undefined {
    const { tracing } = this.#ports;
    if (frame.kind === "message") return this.#inOrder(connection, frame);
    if (tracing === undefined) return this.#request(connection, frame);
    return tracing.request(this.#nameOf(frame.action), connection, () => this.#request(connection, frame));
  }

  /** Tells a client of a limit, and ends the connection of one that goes on all the same. */
  #limit(connection: Connection, refusal: TidingsError, decoded: Decoded): void {
    if ("error" in decoded) connection.send(encodeBadInput(refusal, decoded.id));
    else {
      if (decoded.frame.kind === "message") this.#unsent(connection, decoded.frame, refusal);
      if (decoded.frame.kind === "request") this.#ports.meter.refused(refusal.code);
      const answer = decoded.frame.kind === "ping" ? undefined : decoded.frame.answer;
      connection.send(answer === undefined ? encodeBadInput(refusal) : encodeError(answer, refusal));
    }
    if (this.#ports.limits.isAbuse(connection)) {
      connection.send(limitNotice(refusal.retryAfterMs));
      connection.close("rate_limited");
    } else this.#slowDown(connection);
  }

  #slowDown(connection: Connection): void {
    this.#intake.keep(connection, sleep(REFUSED_MS, undefined, { ref: false }));
  }

  async #request(connection: Connection, { action, data, body, answer }: ClientRequest): Promise<void> {
    const { limits, meter, router } = this.#ports;
    const refusal = limits.action(connection, action);
    if (refusal !== undefined) {
      meter.refused(refusal.code);
      this.#refuse(connection, action, refusal, answer);
      return this.#slowDown(connection);
    }
    const startedAt = performance.now();
    let error: ErrorCode | undefined;
    try {
      const reply = await router.run(new RequestContext(action, connection, body), data);
      connection.send(replyTo(action, answer, reply));
    } catch (thrown) {
      error = toTidingsError(thrown).code;
      this.#refuse(connection, action, thrown, answer);
    }
    meter.handled(this.#nameOf(action), (performance.now() - startedAt) / 1_000, error);
  }

  #nameOf(action: string): string {
    return this.#ports.router.has(action) ? action : UNKNOWN_ACTION;
  }

  #inOrder(connection: Connection, message: ClientMessage): Promise<void> | undefined {
    const refusal = this.#ports.limits.action(connection, "message.send");
    if (refusal !== undefined) {
      this.#ports.limits.keepPlace(connection, "arrival", message.key, refusal);
      this.#unsent(connection, message, refusal);
      this.#refuse(connection, "message", refusal, message.answer);
      this.#slowDown(connection);
      return undefined;
    }
    const { router, tracing } = this.#ports;
    const handle = () =>
      router.wraps(connection) ? this.#wrapped(connection, message) : this.#message(connection, message);
    const { messages } = connection.attached(InboundState);
    return messages.run(
      tracing === undefined ? handle : () => tracing.request("message.send", connection, handle),
    );
  }

  /**
   * Runs a message inside the middleware. Resolves when the publisher has the message, or the middleware has ended
   * without it, or after the timeout of handlers: so the client's next message keeps its place. From the receipt on the
   * middleware has that time once more: a receipt may await an acknowledgement for long.
   */
  async #wrapped(connection: Connection, message: ClientMessage): Promise<void> {
    const { router, sending } = this.#ports;
    const handed = Promise.withResolvers<void>();
    let receipt: Promise<Receipt> | undefined;
    let isOverdue = false;
    const publish = async (): Promise<Receipt> => {
      try {
        const publish = await sending.prepare(connection, message);
        if (isOverdue) throw new TidingsError("timeout", "the middleware took too long");
        receipt = this.#publish(connection, message, publish);
      } catch (thrown) {
        this.#unsent(connection, message, thrown);
        throw thrown;
      }
      handed.resolve();
      return receipt;
    };
    const context = new RequestContext("message.send", connection);
    const reply = (async () => router.wrap(context, publish))();
    const started = router.within(context, () => Promise.race([handed.promise, reply]));
    const ended = async (): Promise<unknown> => {
      await started;
      await receipt?.catch(() => undefined); // the middleware gets its failure
      return router.within(context, () => reply);
    };
    void this.#answer(connection, message.answer, ended());
    await started.catch(() => {
      isOverdue = true;
    });
  }

  /** Resolves when the publisher has the message. The receipt comes later and does not delay the next messages. */
  async #message(connection: Connection, message: ClientMessage): Promise<void> {
    try {
      const publish = await this.#ports.sending.prepare(connection, message);
      const receipt = this.#publish(connection, message, publish);
      void this.#answer(connection, message.answer, receipt);
    } catch (thrown) {
      this.#unsent(connection, message, thrown);
      this.#refuse(connection, "message", thrown, message.answer);
    }
  }

  /** Records a message that does not get as far as the publisher, which records its own failures. */
  #unsent({ id: connection, user }: Connection, message: ClientMessage, thrown: unknown): void {
    this.#ports.recorder?.failed(channelOf(message), toTidingsError(thrown), { user, connection });
  }

  /** Publishes a message, unless one before it was refused. @throws TidingsError at once: then the next message sees it */
  #publish(
    connection: Connection,
    { key, ack }: ClientMessage,
    publish: () => Promise<Receipt>,
  ): Promise<Receipt> {
    const { limits } = this.#ports;
    limits.assertTurn(connection, key);
    try {
      return ack ? this.#countAck(connection, publish) : publish();
    } catch (thrown) {
      if (thrown instanceof TidingsError) limits.keepPlace(connection, "publish", key, thrown);
      throw thrown;
    }
  }

  /** Limits the awaited acknowledgements, because the node reads on while it awaits them. */
  #countAck(connection: Connection, publish: () => Promise<Receipt>): Promise<Receipt> {
    const state = connection.attached(InboundState);
    if (state.awaitedAcks === MAX_AWAITED_ACKS) {
      const message = `too many awaited acknowledgements: expected at most ${MAX_AWAITED_ACKS} per connection`;
      throw new TidingsError("rate_limited", message);
    }
    const receipt = publish();
    state.awaitedAcks++;
    return receipt.finally(() => {
      state.awaitedAcks--;
    });
  }

  async #answer(
    connection: Connection,
    answer: RequestForm | undefined,
    receipt: Promise<unknown>,
  ): Promise<void> {
    try {
      const outcome = await receipt;
      if (answer !== undefined) connection.send(replyTo("message.send", answer, outcome));
    } catch (thrown) {
      this.#refuse(connection, "message", thrown, answer);
    }
  }

  #refuse(connection: Connection, stage: string, thrown: unknown, answer?: RequestForm): void {
    const error = toTidingsError(thrown);
    this.#ports.tracing?.failed(error);
    if (error !== thrown) this.#ports.report(stage, thrown, connection);
    connection.send(answer === undefined ? encodeBadInput(error) : encodeError(answer, error));
  }
}

/** Encodes a reply. One that is no JSON is a failure of the application, and no fault of the client. */
function replyTo(action: string, answer: RequestForm, reply: unknown): string {
  try {
    return encodeReply(answer, reply);
  } catch (cause) {
    throw new Error(`action ${action}: ${(cause as Error).message}`, { cause }); // encodeReply throws nothing else
  }
}
