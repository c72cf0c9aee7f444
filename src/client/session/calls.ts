import { badRequest, isErrorCode, TidingsError } from "../../protocol/protocol.ts";
import type { Cancel, Timers } from "../connection/timers.ts";
import { byteLength, encodeFrame } from "./encoding.ts";
import type { InboundFrame } from "./inbound-frame.ts";

/** Behaviour of a call without a connection, or without a reply. */
export interface CallPlan {
  /** The call waits for a connection. Otherwise it rejects with `unavailable` while there is none. @default false */
  readonly queued?: boolean | undefined;
  /** The call is written again on the next connection when the present one ends without a reply. @default false */
  readonly repeated?: boolean | undefined;
  /**
   * Milliseconds until the call rejects with `timeout`. They begin with a request itself, and with the latest write of a message, so
   * that the wait for a connection does not count.
   */
  readonly timeoutMs: number;
  /** Rejects the call with the signal's reason. A call that waits for a connection is then never written. */
  readonly signal?: AbortSignal | undefined;
}

/** `welcomed`: logged in, but missed messages and groups are still pending. */
type Phase = "offline" | "welcomed" | "online";

interface Call {
  readonly text: string;
  readonly plan: CallPlan;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** A stored message: these keep their order, also when a rate limit postpones one. */
  readonly isStored: boolean | undefined;
  readonly stop: Cancel;
  /** True when the call is written to the present connection. */
  written?: boolean;
  writes: number;
  /** First write, in milliseconds since 1970; 0 before. */
  writtenAt: number;
  /** True when the timeout is over, and the call waits until the connection is proven alive or dead. */
  isOverdue?: boolean | undefined;
  /** End of the timeout in milliseconds since 1970, once it runs. */
  deadline: number;
  cancelTimeout?: Cancel | undefined;
}

export interface CallsOptions {
  /** Maximum number of calls that wait for a connection. */
  readonly queueLimit: number;
  readonly timers: Timers;
  readonly write: (text: string) => void;
  /** Called when a call has no answer yet: the connection may be dead. */
  readonly probe: () => void;
  /** Called with the error of a frame that answers no pending call. */
  readonly report: (error: TidingsError) => void;
}

/** A call without an answer for so long leads to a probe. An ordinary call is answered within a round trip. */
const UNANSWERED_MS = 2_000;

/** Time between two looks whether a rate limit has refused all messages on the way. */
const RECHECK_MS = 20;

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
   * Writes or queues a call; a login is written before all others. Resolves with the `data` of the reply.
   * Rejects with the server's error, `timeout`, `unavailable` or `too_large`.
   */
  call(fields: object, plan: CallPlan, isLogin = false): Promise<unknown> {
    const { timeoutMs, signal, queued } = plan;
    const isBad = typeof timeoutMs !== "number" || !(timeoutMs > 0);
    const now = isLogin || this.isOnline || (this.#phase === "welcomed" && !queued);
    const refusal = isBad
      ? badRequest("timeoutMs: expected a number above 0")
      : signal?.aborted
        ? signal.reason
        : (this.#closedBy ?? (now ? undefined : this.#refusal(queued)));
    return refusal ? Promise.reject(refusal) : this.#add(fields, plan, now);
  }

  /** Resolves or rejects the call that a frame answers. */
  receive({ id, data, error }: InboundFrame): void {
    if (error && this.#postpone(id as number, error)) return;
    const call = this.#take(id as number); // another id is of no call
    if (error) {
      const { code, message = "" } = error;
      const known = isErrorCode(code) ? code : "internal";
      (call?.reject ?? this.#options.report)(new TidingsError(known, message, error));
    } else call?.resolve(data);
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
  #postpone(id: number, { code, retryAfterMs }: NonNullable<InboundFrame["error"]>): boolean {
    if (code !== "rate_limited" || retryAfterMs === undefined) return false;
    const call = this.#pending.get(id);
    if (!call?.plan.repeated || Date.now() + retryAfterMs >= call.deadline) return false;
    call.written = false;
    this.#hold(retryAfterMs);
    return true;
  }

  /** The server refuses all messages that were on their way behind a refused one. None is written again before they are back. */
  #hold(delayMs: number): void {
    this.#cancelHold ??= this.#options.timers.after(delayMs, () => {
      this.#cancelHold = undefined;
      let hasRefused = false;
      for (const [, { isStored, written }] of this.#pending) {
        if (!isStored) continue;
        if (written && hasRefused) return this.#hold(RECHECK_MS);
        hasRefused ||= !written;
      }
      this.online();
    });
  }

  offline(): void {
    this.#phase = "offline";
    this.#cancelHold?.();
    this.#cancelHold = undefined;
    for (const [id, call] of this.#pending) {
      if (!call.written) continue;
      if (call.plan.repeated && call.writes < MAX_WRITES) this.#unwrite(call);
      else this.#reject(id, new TidingsError("unavailable", "the connection ended"));
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
    this.#phase = "offline";
    this.#closedBy = error;
    this.rejectAll(error);
  }

  #refusal(queued: boolean | undefined): TidingsError | undefined {
    if (queued && this.#pending.size < this.#options.queueLimit) return undefined;
    return new TidingsError("unavailable", queued ? "queue full" : "not connected");
  }

  #add(fields: object, plan: CallPlan, now: boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const text = encodeFrame({ id, ...fields });
      const { signal } = plan;
      const abort = (): void => this.#reject(id, signal?.reason);
      signal?.addEventListener("abort", abort);
      const call: Call = {
        ...{ text, plan, resolve, reject, writes: 0, writtenAt: 0, deadline: 0 },
        ...{
          isStored: "type" in fields && plan.queued,
          stop: () => signal?.removeEventListener("abort", abort),
        },
      };
      this.#pending.set(id, call);
      if (!call.isStored) this.#startTimeout(id, call);
      const isHeld = this.#cancelHold && call.isStored;
      if (now && !isHeld) this.#write(id, call);
    });
  }

  #write(id: number, call: Call): void {
    call.writtenAt ||= Date.now();
    const { text } = call;
    // A UTF-16 unit takes at most 3 bytes of UTF-8, so most texts need no count.
    if (text.length * 3 > this.messageBytes && byteLength(text) > this.messageBytes) {
      this.#reject(id, new TidingsError("too_large", `over ${this.messageBytes} bytes`));
      return;
    }
    if (Date.now() - call.writtenAt > REPEAT_WITHIN_MS) {
      this.#reject(id, noReply(call.plan));
      return;
    }
    call.written = true;
    call.writes++;
    if (call.isStored && !call.cancelTimeout) this.#startTimeout(id, call);
    this.#options.write(text);
  }

  #unwrite(call: Call): void {
    call.written = false;
    call.isOverdue = false;
    if (!call.isStored) return;
    call.cancelTimeout?.();
    call.cancelTimeout = undefined;
  }

  #startTimeout(id: number, call: Call): void {
    const { timeoutMs } = call.plan;
    const firstMs = Math.min(UNANSWERED_MS, timeoutMs);
    call.deadline = Date.now() + timeoutMs;
    const after = (delayMs: number, next: () => void): void => {
      call.cancelTimeout = this.#options.timers.after(delayMs, () => {
        if (call.written) this.#options.probe();
        next();
      });
    };
    after(firstMs, () => after(timeoutMs - firstMs, () => this.#overdue(id, call)));
  }

  /** A stored message is in doubt only on a connection that is alive: on a dead one it is written again. */
  #overdue(id: number, call: Call): void {
    call.isOverdue = call.written && call.isStored;
    if (!call.isOverdue) this.#reject(id, noReply(call.plan));
  }

  #reject(id: number, error: unknown): void {
    this.#take(id)?.reject(error);
  }

  #take(id: number): Call | undefined {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    call?.cancelTimeout?.();
    call?.stop();
    return call;
  }
}

const noReply = ({ timeoutMs }: CallPlan): TidingsError =>
  new TidingsError("timeout", `no reply within ${timeoutMs} ms`);
