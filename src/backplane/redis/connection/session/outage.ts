import { TidingsError } from "../../../../protocol/protocol.ts";
import { type Address, placeOf } from "../clients.ts";
import { textOf } from "../errors.ts";
import { chainOf, kindOf, phraseOf } from "../failures.ts";

/** Says where Redis is, what failed, and when the next attempt follows: one sentence without secrets. */
export function outageError(address: Address, error: unknown, retryMs: number | undefined): TidingsError {
  const texts = chainOf(error)
    .map(({ text }) => plain(textOf(text)))
    .filter((text) => text !== "");
  const what =
    error instanceof TidingsError ? error.message : `${phraseOf(kindOf(error))}: ${texts.join(": ")}`;
  const next = retryMs === undefined ? "" : `. The node tries again within ${retryMs / 1_000} s`;
  return new TidingsError("unavailable", `${placeOf(address)}: ${what.replace(/\.$/, "")}${next}`);
}

/** One line, and of an error of OpenSSL its reason only: it also has the thread, numbers and a line of source. */
const plain = (text: string): string =>
  text
    .replace(/^.*:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):.*$/s, "$1")
    .replace(/\s+/g, " ")
    .trim();

/** Reports each failure of an outage once, though attempts to recover repeat it. */
export class OutageReport {
  readonly #address: Address;
  readonly #retryMs: number;
  readonly #onOutage: (error: unknown) => void;
  readonly #reported = new Set<string>();

  /** @param retryMs the longest pause before the next attempt */
  constructor(address: Address, retryMs: number, onOutage: (error: unknown) => void) {
    this.#address = address;
    this.#retryMs = retryMs;
    this.#onOutage = onOutage;
  }

  add(error: unknown): void {
    const line = outageError(this.#address, error, this.#retryMs);
    // Delays and ports in the texts of the client library differ from attempt to attempt.
    const known = line.message.replace(/\d+/g, "");
    if (this.#reported.has(known)) return;
    this.#reported.add(known);
    this.#onOutage(line);
  }

  /** Forgets the failures: the outage is over. */
  clear(): void {
    this.#reported.clear();
  }
}
