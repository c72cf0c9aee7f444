import { TidingsError } from "../../client/client.ts";
import { randomName } from "../browser.ts";
import type { ToHost, ToTabs } from "../bus.ts";

type Answer = ToHost & { readonly kind: "token" };

/** Time for a tab to give a token, in milliseconds. */
const TOKEN_MS = 10_000;

/** Tokens from the tabs, whose function a worker cannot call. */
export class Tokens {
  readonly #tell: (frame: ToTabs) => void;
  readonly #asked = new Map<string, (answer: Answer) => void>();

  constructor(tell: (frame: ToTabs) => void) {
    this.#tell = tell;
  }

  /**
   * Asks one tab after another, the newest first.
   * Rejects with the error of the tab's function, or `unavailable` when no tab answers.
   */
  async ask(sockets: readonly string[]): Promise<string | undefined> {
    for (const socket of [...sockets].reverse()) {
      const answer = await this.#askOne(socket);
      if (answer?.error) throw new TidingsError(answer.error.code, answer.error.message);
      if (answer) return answer.token;
    }
    throw new TidingsError("unavailable", "no tab gave a token");
  }

  answered(answer: Answer): void {
    this.#asked.get(answer.ask)?.(answer);
  }

  async #askOne(socket: string): Promise<Answer | undefined> {
    const ask = randomName();
    const answer = await new Promise<Answer | undefined>((resolve) => {
      this.#asked.set(ask, resolve);
      setTimeout(() => resolve(undefined), TOKEN_MS);
      this.#tell({ kind: "ask", sockets: [socket], ask });
    });
    this.#asked.delete(ask);
    return answer;
  }
}
