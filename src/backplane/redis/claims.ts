import type { Channel } from "../../protocol/protocol.ts";
import type { StoredReceipt } from "../port.ts";
import { CLAIM, SETTLE } from "./claim-scripts.ts";
import type { RunScript } from "./connection/connection.ts";
import { partitionOfKey } from "./keys.ts";

/** What was first published under an idempotency key. */
export interface FirstPublish {
  /** The channel of a stored message. */
  readonly what: Channel | "ephemeral";
  /** Absent while it is not known. */
  readonly receipt?: StoredReceipt;
}

/** Who comes first under an idempotency key. */
export class Claims {
  readonly #run: RunScript;
  readonly #windowMs: number;
  readonly #now: () => number;

  constructor(run: RunScript, windowMs: number, now: () => number) {
    this.#run = run;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** @returns undefined for the first itself */
  async enter(
    key: string,
    what: FirstPublish["what"],
    receipt: StoredReceipt = "",
  ): Promise<FirstPublish | undefined> {
    const args = [key, this.#now(), this.#windowMs, what, receipt];
    const answer = await this.#run(CLAIM, partitionOfKey(key), args);
    const [isFirst, first, known] = answer as [number, FirstPublish["what"], string]; // by the script
    if (isFirst === 1) return undefined;
    return { what: first, receipt: known === "" ? undefined : known };
  }

  /** Remembers what the first publish was answered with. */
  async settle(key: string, receipt: StoredReceipt): Promise<void> {
    await this.#run(SETTLE, partitionOfKey(key), [key, this.#now(), receipt]);
  }
}
