import { isErrorCode, TidingsError } from "../../protocol/protocol.ts";
import type { Cancel, Timers } from "../connection/timers.ts";
import { byteLength, encodeFrame } from "./encoding.ts";
import type { InboundFrame } from "./inbound-frame.ts";

/** Behaviour of a call without a connection, or without a reply. */
export interface CallPlan {
  /** The call waits for a connection. Otherwise it rejects with `unavailable` while there is none. */
  readonly queued: boolean;
  /** The call is written again on the next connection when the present one ends without a reply. */
  readonly repeated: boolean;
  /** Milliseconds until the call rejects with `timeout`. */
  readonly timeoutMs: number;
  /** Start of the timeout: the call itself, or its latest write, so that the wait for a connection does not count. */
  readonly timedFrom: "call" | "write";
  /** Rejects the call with the signal's reason. A call that waits for a connection is then never written. */
  readonly signal?: AbortSignal | undefined;
}

/** `welcomed`: logged in, but missed messages and groups are still pending. */
type Phase = "offline" | "welcomed" | "online" | "closed";

interface Call {
  readonly text: string;
  readonly plan: CallPlan;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** True when the call is written to the present connection. */
  written: boolean;
  writes: number;
  /** Milliseconds since 1970. */
  firstWrittenAt: number;
  /** True when the timeout is over, and the call waits until the connection is proven alive or dead. */
  isOverdue: boolean;
  /** Messages keep their order, also when a rate limit postpones one. */
  readonly isMessage: boolean;
  /** End of the timeout in milliseconds since 1970, while it runs. */
  deadline: number;
  cancelTimeout: Cancel | undefined;
  stopListening: Cancel | undefined;
}

export interface CallsOptions {
  /** Maximum number of calls that wait for a connection. */
  readonly queueLimit: number;
  readonly timers: Timers;
  readonly write: (text: string) => void;
  /** Called when a call has no answer yet: the connection may be dead. */
  readonly unanswered: () => void;
}

/** A call without an answer for so long leads to a probe. An ordinary call is answered within a round trip. */
const UNANSWERED_MS = 2_000;

/** Repeats stop before the server's idempotency keys expire (5 minutes by default), so nothing is stored twice. */
const REPEAT_WITHIN_MS = 4 * 60_000;

/** Limit for a message that breaks every connection that it is written to. */
const MAX_WRITES = 20;

/**
 * Requests and messages without a reply, oldest first. They form the queue while offline, are in flight while online,
 * and are written again in their order after a reconnect.
 */
export class Calls {
  readonly #options: CallsOptions;
  readonly #pending = new Map<number, Call>();
  #lastId = 0;
  #phase: Phase = "offline";
  #closedBy: TidingsError | undefined;
  /** Set while messages wait because a rate limit has refused one. */
  #cancelHold: Cancel | undefined;
  /** The server's limit for one message, in bytes. The server closes the connection of a client that exceeds it. */
  messageBytes = Number.POSITIVE_INFINITY;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /**
   * Writes or queues a call. Resolves with the `data` of the reply.
   * Rejects with the server's error, `timeout`, `unavailable` or `too_large`.
   */
  call(fields: object, plan: CallPlan): Promise<unknown> {
    const { timeoutMs, signal } = plan;
    const isBad = typeof timeoutMs !== "number" || !(timeoutMs > 0);
    const refusal = isBad ? badTimeout() : signal?.aborted ? signal.reason : this.#refusal(plan);
    if (refusal) return Promise.reject(refusal);
    return this.#add(fields, plan, this.#phase === "online" || (this.#phase === "welcomed" && !plan.queued));
  }

  /** Writes the login, before all other calls. */
  login(fields: object, plan: CallPlan): Promise<unknown> {
    return this.#add(fields, plan, true);
  }

  /** Resolves or rejects the call that a frame answers. @returns the frame's error when it answers no pending call */
  receive({ id, data, error }: InboundFrame): TidingsError | undefined {
    if (error && this.#postpone(id, error)) return undefined;
    const call = typeof id === "number" ? this.#take(id) : undefined;
    if (!error) {
      call?.resolve(data);
      return undefined;
    }
    const { code, message = "", retryAfterMs } = error;
    const refusal = new TidingsError(isErrorCode(code) ? code : "internal", message, { retryAfterMs });
    call?.reject(refusal);
    return call ? undefined : refusal;
  }

  welcomed(messageBytes: number): void {
    this.#phase = "welcomed";
    this.messageBytes = messageBytes;
  }

  get isOnline(): boolean {
    return this.#phase === "online";
  }

  /** Writes all queued calls. */
  online(): void {
    this.#phase = "online";
    for (const [id, call] of this.#pending) {
      if (!call.written) this.#write(id, call);
    }
  }

  /**
   * Takes the refusal of a call by a rate limit: the call is written again after the time that the server names, if that is
   * before its timeout. Later messages wait with a message, so that they keep their order.
   * @returns false for any other refusal
   */
  #postpone(id: unknown, { code, retryAfterMs }: NonNullable<InboundFrame["error"]>): boolean {
    if (code !== "rate_limited" || retryAfterMs === undefined || typeof id !== "number") return false;
    const call = this.#pending.get(id);
    if (!call?.plan.repeated || Date.now() + retryAfterMs >= call.deadline) return false;
    call.written = false;
    this.#cancelHold ??= this.#options.timers.after(retryAfterMs, () => {
      this.#cancelHold = undefined;
      if (this.isOnline) this.online();
    });
    return true;
  }

  offline(): void {
    this.#phase = "offline";
    this.#cancelHold?.();
    this.#cancelHold = undefined;
    for (const [id, call] of this.#pending) {
      if (!call.written) continue;
      if (call.plan.repeated && call.writes < MAX_WRITES) this.#unwrite(call);
      else this.#reject(id, new TidingsError("unavailable", "the connection ended before the reply"));
    }
  }

  /** The connection is alive, so an overdue call is one that the server does not answer. */
  proven(): void {
    for (const [id, call] of this.#pending) if (call.isOverdue) this.#reject(id, noReply(call.plan));
  }

  /** Rejects all pending calls. */
  rejectAll(error: TidingsError): void {
    for (const id of this.#pending.keys()) this.#reject(id, error);
  }

  /** Rejects all pending and all later calls. */
  close(error: TidingsError): void {
    this.#phase = "closed";
    this.#closedBy = error;
    this.rejectAll(error);
  }

  #refusal({ queued }: CallPlan): TidingsError | undefined {
    if (this.#closedBy) return this.#closedBy;
    if (this.#phase === "online") return undefined;
    if (!queued) {
      return this.#phase === "welcomed" ? undefined : new TidingsError("unavailable", "not connected");
    }
    if (this.#pending.size < this.#options.queueLimit) return undefined;
    return new TidingsError("unavailable", `queue full: ${this.#pending.size} calls`);
  }

  #add(fields: object, plan: CallPlan, now: boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const text = encodeFrame({ id, ...fields });
      const call: Call = {
        ...{ text, plan, resolve, reject, written: false, writes: 0, firstWrittenAt: 0 },
        ...{ isMessage: "type" in fields, isOverdue: false, deadline: Number.POSITIVE_INFINITY },
        ...{ cancelTimeout: undefined, stopListening: this.#obey(id, plan.signal) },
      };
      this.#pending.set(id, call);
      if (plan.timedFrom === "call") this.#startTimeout(id, call);
      const isHeld = this.#cancelHold && call.isMessage && plan.queued;
      if (now && !isHeld) this.#write(id, call);
    });
  }

  /** Rejects the call when the signal aborts. @returns a function that ends this */
  #obey(id: number, signal: AbortSignal | undefined): Cancel | undefined {
    if (!signal) return undefined;
    const abort = (): void => this.#reject(id, signal.reason);
    signal.addEventListener("abort", abort);
    return () => signal.removeEventListener("abort", abort);
  }

  #write(id: number, call: Call): void {
    if (isLonger(call.text, this.messageBytes)) {
      this.#reject(id, new TidingsError("too_large", `over ${this.messageBytes} bytes`));
      return;
    }
    if (call.writes && Date.now() - call.firstWrittenAt > REPEAT_WITHIN_MS) {
      this.#reject(id, new TidingsError("timeout", "no reply in time"));
      return;
    }
    call.firstWrittenAt ||= Date.now();
    call.written = true;
    call.writes++;
    if (call.plan.timedFrom === "write" && !call.cancelTimeout) this.#startTimeout(id, call);
    this.#options.write(call.text);
  }

  #unwrite(call: Call): void {
    call.written = false;
    call.isOverdue = false;
    if (call.plan.timedFrom !== "write") return;
    call.cancelTimeout?.();
    call.cancelTimeout = undefined;
  }

  #startTimeout(id: number, call: Call): void {
    const { timeoutMs } = call.plan;
    const firstMs = Math.min(UNANSWERED_MS, timeoutMs);
    call.deadline = Date.now() + timeoutMs;
    const after = (delayMs: number, next: () => void): void => {
      call.cancelTimeout = this.#options.timers.after(delayMs, () => {
        if (call.written) this.#options.unanswered();
        next();
      });
    };
    after(firstMs, () => after(timeoutMs - firstMs, () => this.#overdue(id, call)));
  }

  /** A stored message is in doubt only on a connection that is alive: on a dead one it is written again. */
  #overdue(id: number, call: Call): void {
    call.isOverdue = call.written && call.plan.repeated && call.plan.timedFrom === "write";
    if (!call.isOverdue) this.#reject(id, noReply(call.plan));
  }

  #reject(id: number, error: unknown): void {
    this.#take(id)?.reject(error);
  }

  #take(id: number): Call | undefined {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    call?.cancelTimeout?.();
    call?.stopListening?.();
    return call;
  }
}

const noReply = ({ timeoutMs }: CallPlan): TidingsError =>
  new TidingsError("timeout", `no reply within ${timeoutMs} ms`);

const badTimeout = (): TidingsError =>
  new TidingsError("bad_request", "timeoutMs: expected a number above 0");

/** Compares the UTF-8 length with a limit. A UTF-16 unit takes at most 3 bytes, so most texts need no count. */
const isLonger = (text: string, bytes: number): boolean =>
  text.length * 3 > bytes && byteLength(text) > bytes;
