import { TidingsError } from "../../protocol/protocol.ts";
import { Rates } from "./rates.ts";

const HOUR_MS = 3_600_000;
/** Bytes that a stored message costs besides its data. Without them, many small messages would be nearly free. */
const MESSAGE_BYTES = 512;

/** Bytes of stored messages that each user may send within an hour. */
export class SenderBudgets {
  readonly #bytesPerHour: number;
  readonly #rates: Rates;
  readonly #counted: (isAllowed: boolean) => void;

  /**
   * @param bytesPerHour 0: unlimited
   * @param counted is told of each decision
   */
  constructor(bytesPerHour: number, counted: (isAllowed: boolean) => void = () => undefined) {
    this.#bytesPerHour = bytesPerHour;
    this.#counted = counted;
    this.#rates = new Rates(bytesPerHour / HOUR_MS);
  }

  /**
   * Takes a message of `bytes` from the user's budget.
   * @param now milliseconds of a clock that never goes back
   * @throws TidingsError `rate_limited` when the budget is used up
   */
  charge(user: string, bytes: number, now: number): void {
    if (this.#bytesPerHour === 0) return;
    const cost = bytes + MESSAGE_BYTES;
    const excessMs = this.#rates.usedBy(user, now) + this.#rates.costOf(cost) - HOUR_MS;
    this.#counted(excessMs <= 0);
    if (excessMs > 0) throw this.#exceeded(excessMs);
    this.#rates.charge(user, cost, now);
  }

  #exceeded(waitMs: number): TidingsError {
    const limit = this.#bytesPerHour.toLocaleString("en");
    const seconds = Math.ceil(waitMs / 1_000);
    const message = `a user stores at most ${limit} bytes an hour: send this message in ${seconds} s`;
    return new TidingsError("rate_limited", message, { retryAfterMs: Math.ceil(waitMs) });
  }
}
