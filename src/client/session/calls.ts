import { TidingsError } from "../../protocol/protocol.ts";
import type { Cancel, Timers } from "../connection/timers.ts";

/** How a call behaves when there is no connection, or no answer. */
export interface CallPlan {
  /** Waits for a connection. Otherwise it is refused with `unavailable` while there is none. */
  readonly queued: boolean;
  /** Sent again on the next connection when the one it was written to ends without an answer. */
  readonly repeated: boolean;
  /** Milliseconds until it rejects with `timeout`. */
  readonly timeoutMs: number;
  /** What the time counts from: the call itself, or each time it is written, so that waiting offline is free. */
  readonly timedFrom: "call" | "write";
}

/** `welcomed`: logged in, but what missed messages and groups there are is still on its way. */
type Phase = "offline" | "welcomed" | "online" | "closed";

interface Call {
  readonly text: string;
  readonly plan: CallPlan;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: TidingsError) => void;
  /** Written to the present connection. */
  written: boolean;
  writes: number;
  /** Milliseconds since 1970. */
  firstWrittenAt: number;
  cancelTimeout?: Cancel;
}

export interface CallsOptions {
  /** Calls that may wait while there is no connection. */
  readonly queueLimit: number;
  readonly timers: Timers;
  readonly write: (text: string) => void;
}

/** Repeats stop well before the server forgets idempotency keys (5 minutes by default), so nothing is stored twice. */
const REPEAT_WITHIN_MS = 4 * 60_000;

/** A message that breaks every connection it is written to must not do so for ever. */
const MAX_WRITES = 20;

/**
 * Requests and messages until they are answered, oldest first: the queue while offline, what is in flight while
 * online, and what is written again after a reconnect, in the same order.
 */
export class Calls {
  readonly #options: CallsOptions;
  readonly #pending = new Map<number, Call>();
  #lastId = 0;
  #phase: Phase = "offline";
  #closedBy: TidingsError | undefined;
  /** The server's limit for one message, in bytes; beyond it the server would end the connection. */
  messageBytes = Number.POSITIVE_INFINITY;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** @returns the `data` of the reply. Rejects with the server's error, `timeout`, `unavailable` or `too_large` */
  call(fields: object, plan: CallPlan): Promise<unknown> {
    const refusal = this.#refusal(plan);
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#add(fields, plan, this.#phase === "online" || (this.#phase === "welcomed" && !plan.queued));
  }

  /** The login, which goes before everything else. */
  login(fields: object, plan: CallPlan): Promise<unknown> {
    return this.#add(fields, plan, true);
  }

  answer(id: number, data: unknown): void {
    this.#take(id)?.resolve(data);
  }

  /** @returns false when no call waits for this answer */
  refuse(id: number, error: TidingsError): boolean {
    const call = this.#take(id);
    call?.reject(error);
    return call !== undefined;
  }

  welcomed(messageBytes: number): void {
    this.#phase = "welcomed";
    this.messageBytes = messageBytes;
  }

  get isOnline(): boolean {
    return this.#phase === "online";
  }

  /** Writes everything that waits. */
  online(): void {
    this.#phase = "online";
    for (const [id, call] of this.#pending) {
      if (!call.written) this.#write(id, call);
    }
  }

  offline(): void {
    this.#phase = "offline";
    for (const [id, call] of this.#pending) {
      if (!call.written) continue;
      if (call.plan.repeated && call.writes < MAX_WRITES) this.#unwrite(call);
      else this.refuse(id, new TidingsError("unavailable", "the connection ended before the answer came"));
    }
  }

  /** Rejects everything, now and from now on. */
  close(error: TidingsError): void {
    this.#phase = "closed";
    this.#closedBy = error;
    for (const id of this.#pending.keys()) this.refuse(id, error);
  }

  #refusal({ queued }: CallPlan): TidingsError | undefined {
    if (this.#closedBy !== undefined) return this.#closedBy;
    if (this.#phase === "online") return undefined;
    if (!queued) {
      return this.#phase === "welcomed"
        ? undefined
        : new TidingsError("unavailable", "there is no connection");
    }
    if (this.#pending.size < this.#options.queueLimit) return undefined;
    return new TidingsError("unavailable", `${this.#pending.size} calls wait for a connection already`);
  }

  #add(fields: object, plan: CallPlan, now: boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const text = JSON.stringify({ id, ...fields });
      const call: Call = { text, plan, resolve, reject, written: false, writes: 0, firstWrittenAt: 0 };
      this.#pending.set(id, call);
      if (plan.timedFrom === "call") this.#startTimeout(id, call);
      if (now) this.#write(id, call);
    });
  }

  #write(id: number, call: Call): void {
    if (isLonger(call.text, this.messageBytes)) {
      this.refuse(id, new TidingsError("too_large", `over the server's limit of ${this.messageBytes} bytes`));
      return;
    }
    if (call.writes > 0 && Date.now() - call.firstWrittenAt > REPEAT_WITHIN_MS) {
      this.refuse(id, new TidingsError("timeout", "no answer in time; it may have been done"));
      return;
    }
    call.firstWrittenAt ||= Date.now();
    call.written = true;
    call.writes++;
    if (call.plan.timedFrom === "write") this.#startTimeout(id, call);
    this.#options.write(call.text);
  }

  #unwrite(call: Call): void {
    call.written = false;
    if (call.plan.timedFrom === "write") call.cancelTimeout?.();
  }

  #startTimeout(id: number, call: Call): void {
    const { timeoutMs } = call.plan;
    call.cancelTimeout = this.#options.timers.after(timeoutMs, () => {
      this.refuse(id, new TidingsError("timeout", `no answer within ${timeoutMs} ms`));
    });
  }

  #take(id: number): Call | undefined {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    call?.cancelTimeout?.();
    return call;
  }
}

/** Tells whether a text is longer than so many bytes of UTF-8, mostly without encoding it: 3 bytes hold one unit. */
function isLonger(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes;
}
