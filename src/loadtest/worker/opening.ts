import { type Client, wordsOf } from "../clients/client.ts";
import type { Counter } from "../measure/counted.ts";
import type { Ending } from "../socket/web-socket.ts";

export interface OpeningOptions {
  readonly timeoutMs: number;
  /** Attempts that failed, by reason. */
  readonly refusals: Counter;
  readonly onAttempt: () => void;
}

interface Attempt {
  readonly done: (isOpen: boolean) => void;
  readonly deadline: NodeJS.Timeout;
  retry?: NodeJS.Timeout;
  tries: number;
}

/** Pause before another attempt, when the server named none. It doubles. */
const PAUSE_MS = { least: 200, most: 5_000 };

/** Endings after which another attempt cannot help: credentials, permissions, the address. */
const FINAL_STATUS: ReadonlySet<number> = new Set([400, 401, 403, 404]);
const isFinal = (ending: Ending): boolean => {
  if (ending.type === "refused") return FINAL_STATUS.has(ending.status);
  if (ending.type === "closed") return ending.code >= 4500 && ending.code < 5000;
  return ending.reason.startsWith("group.join: forbidden") || ending.reason.startsWith("token:");
};

/** Opens clients, and tries again where the server or the network refused. */
export class Opening {
  readonly #options: OpeningOptions;
  readonly #attempts = new Map<Client, Attempt>();

  constructor(options: OpeningOptions) {
    this.#options = options;
  }

  /** Resolves with whether the client is open; false after a refusal for good, or when the time is up. */
  open(client: Client): Promise<boolean> {
    return new Promise((done) => {
      const deadline = setTimeout(() => this.#timeout(client), this.#options.timeoutMs);
      this.#attempts.set(client, { done, deadline, tries: 0 });
      this.#try(client);
    });
  }

  /** The client is open. */
  opened(client: Client): void {
    this.#finish(client, true);
  }

  /** The attempt failed. @returns false when nobody was opening this client */
  failed(client: Client, ending: Ending): boolean {
    const attempt = this.#attempts.get(client);
    if (attempt === undefined) return false;
    this.#options.refusals.count(wordsOf(ending));
    if (isFinal(ending)) this.#finish(client, false);
    else attempt.retry = setTimeout(() => this.#try(client), pauseAfter(ending, attempt.tries));
    return true;
  }

  /** Gives up what is not open. */
  stop(): void {
    for (const client of [...this.#attempts.keys()]) {
      client.cut();
      this.#finish(client, false);
    }
  }

  #try(client: Client): void {
    const attempt = this.#attempts.get(client);
    if (attempt === undefined) return;
    attempt.tries++;
    this.#options.onAttempt();
    client.open();
  }

  #timeout(client: Client): void {
    const { timeoutMs, refusals } = this.#options;
    refusals.count(`not connected within ${timeoutMs / 1_000} s`);
    client.cut();
    this.#finish(client, false);
  }

  #finish(client: Client, isOpen: boolean): void {
    const attempt = this.#attempts.get(client);
    if (attempt === undefined) return;
    this.#attempts.delete(client);
    clearTimeout(attempt.deadline);
    clearTimeout(attempt.retry);
    attempt.done(isOpen);
  }
}

/** As long as the server asks, or else twice as long each time, spread so that clients do not come together. */
function pauseAfter(ending: Ending, tries: number): number {
  const asked = ending.type === "refused" ? ending.retryAfterMs : undefined;
  const least = asked ?? Math.min(PAUSE_MS.most, PAUSE_MS.least * 2 ** (tries - 1));
  return least * (1 + Math.random() / 2);
}
