/** A request or message whose reply has not come. */
export interface OpenCall {
  readonly id: string | number;
  readonly kind: string;
  readonly name: string;
  readonly channel?: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** The SDK has 132 calls at most that wait or are in flight. A server that answers nothing must not fill the memory. */
const MAX_OPEN = 1_000;

/** The calls in flight, oldest first. */
export class Calls {
  readonly #open = new Map<string | number, OpenCall>();

  get open(): readonly OpenCall[] {
    return [...this.#open.values()];
  }

  sent(call: OpenCall): void {
    this.#open.set(call.id, call);
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_OPEN && oldest !== undefined) this.#open.delete(oldest);
  }

  /** Ends a call. @returns undefined for a reply to no call */
  answered(id: unknown): OpenCall | undefined {
    if (typeof id !== "string" && typeof id !== "number") return undefined;
    const call = this.#open.get(id);
    this.#open.delete(id);
    return call;
  }

  /** Forgets all calls: the connection that would answer has ended. */
  clear(): void {
    this.#open.clear();
  }
}
