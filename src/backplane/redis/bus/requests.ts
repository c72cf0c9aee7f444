import { randomBytes } from "node:crypto";
import { TidingsError } from "../../../protocol/protocol.ts";
import { lineOf } from "../line.ts";

/** Lines that a node sends to itself, to know that what is sent to it arrives. */
export class Probes {
  readonly #send: (line: string) => Promise<unknown>;
  readonly #timeoutMs: number;
  readonly #underWay = new Map<string, () => void>();

  constructor(send: (line: string) => Promise<unknown>, timeoutMs: number) {
    this.#send = send;
    this.#timeoutMs = timeoutMs;
  }

  /** Resolves when the line has come back. @throws TidingsError `unavailable` when it does not */
  async ask(): Promise<void> {
    const nonce = randomBytes(6).toString("base64url");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = (): void =>
      reject(new TidingsError("unavailable", `nothing came back within ${this.#timeoutMs} ms`));
    const timer = setTimeout(late, this.#timeoutMs);
    this.#underWay.set(nonce, resolve);
    try {
      await Promise.all([promise, this.#send(lineOf("Q", nonce))]);
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(nonce);
    }
  }

  /** A line has come in. */
  heard([, nonce = ""]: readonly string[]): void {
    this.#underWay.get(nonce)?.();
  }
}
