import type { SilentNodes } from "./silent-nodes.ts";

/** A request that waits for answers. */
interface Pending {
  /** Nodes that are waited for; undefined until it is known which nodes were asked. */
  awaited: Set<string> | undefined;
  readonly answers: Map<string, string>;
  readonly end: () => void;
}

/**
 * Requests to other nodes (or to this one) over the bus: sends each with an id, and awaits its answers until a timeout.
 * A node that misses the timeout is silent, and not waited for again until it is heard of. Later answers are ignored,
 * but for that. The meaning of a missing answer is up to the caller.
 */
export class Requests {
  readonly #timeoutMs: number;
  readonly #silent: SilentNodes | undefined;
  readonly #pending = new Map<string, Pending>();
  #count = 0;

  /**
   * @param timeoutMs after this time the request resolves without the missing answers
   * @param silent nodes that are not waited for. @default none: every request waits
   */
  constructor(timeoutMs: number, silent?: SilentNodes) {
    this.#timeoutMs = timeoutMs;
    this.#silent = silent;
    silent?.onSilent((token) => {
      for (const pending of this.#pending.values()) stopWaiting(pending, token);
    });
  }

  /**
   * Sends a request, and resolves with the answers that came in time, by node.
   * @param send sends the request with this id, and resolves with the nodes asked. When it rejects, the request rejects
   * @param timeoutMs @default that of all requests
   */
  async ask(
    send: (id: string) => readonly string[] | Promise<readonly string[]>,
    timeoutMs = this.#timeoutMs,
  ): Promise<ReadonlyMap<string, string>> {
    const id = (++this.#count).toString(36);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const answers = new Map<string, string>();
    // Answers may arrive before the reply of Redis with the nodes asked.
    const pending: Pending = { awaited: undefined, answers, end };
    this.#pending.set(id, pending);
    const timer = setTimeout(() => this.#timeOut(pending), timeoutMs);
    try {
      const asked = await send(id);
      pending.awaited = new Set(asked.filter((node) => !answers.has(node) && !this.#silent?.has(node)));
      if (pending.awaited.size > 0) await ended;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
    return answers;
  }

  /** Takes in the answer of one node. */
  answered(id: string, from: string, answer = ""): void {
    this.#silent?.heard(from);
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.answers.set(from, answer);
    stopWaiting(pending, from);
  }

  /** Ends all pending requests. Nobody is silent for it. */
  stop(): void {
    for (const { end } of this.#pending.values()) end();
  }

  #timeOut(pending: Pending): void {
    for (const node of [...(pending.awaited ?? [])]) this.#silent?.add(node);
    pending.end();
  }
}

function stopWaiting({ awaited, end }: Pending, node: string): void {
  if (awaited?.delete(node) && awaited.size === 0) end();
}

/**
 * Asks incarnations whether they are alive, and maps each to its answer. The map is empty when this node hears no
 * answers at all.
 */
export type CallRoll = (tokens: readonly string[]) => Promise<ReadonlyMap<string, boolean>>;
