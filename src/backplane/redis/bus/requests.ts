/**
 * Requests to other nodes (or to this one) over the bus: sends each with an id, and awaits its answers until a timeout.
 * Later answers are ignored. The meaning of a missing answer is up to the caller.
 */
export class Requests {
  readonly #timeoutMs: number;
  readonly #pending = new Map<string, (answer: string) => void>();
  #count = 0;

  /** @param timeoutMs after this time the request resolves without the missing answers */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Sends a request, and resolves with the answers that came in time.
   * @param send sends the request with this id, and resolves with the number of nodes asked. When it rejects, the
   * request rejects
   */
  async ask(send: (id: string) => number | Promise<number>): Promise<readonly string[]> {
    const id = (++this.#count).toString(36);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const answers: string[] = [];
    // Answers may arrive before the reply of Redis with the number of nodes asked.
    let asked = Number.POSITIVE_INFINITY;
    this.#pending.set(id, (answer) => {
      if (answers.push(answer) >= asked) end();
    });
    const timer = setTimeout(end, this.#timeoutMs);
    try {
      asked = await send(id);
      if (answers.length < asked) await ended;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
    return answers;
  }

  /** Takes in the answer of one node. */
  answered(id: string, answer = ""): void {
    this.#pending.get(id)?.(answer);
  }

  /** Answers all pending requests once, as one node would. */
  answerAll(answer: string): void {
    for (const take of this.#pending.values()) take(answer);
  }
}

/**
 * Asks incarnations whether they are alive, and maps each to its answer. The map is empty when this node hears no
 * answers at all.
 */
export type CallRoll = (tokens: readonly string[]) => Promise<ReadonlyMap<string, boolean>>;
