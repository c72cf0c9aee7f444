import type { Health } from "../../../port.ts";
import { kindOf, phraseOf, type RefusedWrites, refusesWrites } from "../failures.ts";
import { lua } from "../lua.ts";
import { script } from "../script.ts";

/** A write that changes nothing that is read, and that Redis refuses as it refuses a message. */
export const WRITE_CHECK = script(
  "write-check",
  lua`
-- KEYS[1]  base of a partition
-- reply    nil
redis.call("SET", base .. ":check", 1, "PX", 60000)
`,
  { stores: true, checksBirth: false },
);

/** Pause between the checks while Redis refuses writes, in milliseconds. */
const RECHECK_MS = 1_000;

export interface WriteCheckOptions {
  readonly health: Health;
  /** Pause between the checks while Redis takes writes, in milliseconds. */
  readonly everyMs: number;
  /** Writes once to each master. Rejects with the failure of the client library. */
  readonly write: () => Promise<void>;
  /** Tells whether a check makes sense now. */
  readonly isPossible: () => boolean;
}

/** Knows whether Redis takes writes, apart from whether it answers: by refused writes, and by a check of its own. */
export class WriteCheck {
  readonly #options: WriteCheckOptions;
  #refusal: RefusedWrites | undefined;
  /** Refusals since the last check began. */
  #refusals = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WriteCheckOptions) {
    this.#options = options;
  }

  /** Why Redis refuses writes; undefined while it takes them. */
  get refusal(): RefusedWrites | undefined {
    return this.#refusal;
  }

  /** Starts the checks. */
  start(): void {
    this.#arm();
  }

  /** Must be called with each refused write. */
  refused(kind: RefusedWrites): void {
    const isFirst = this.#refusal === undefined;
    this.#refusal = kind;
    this.#refusals++;
    this.#options.health.able(false, "write");
    this.#options.health.degrade("stored messages", phraseOf(kind));
    if (isFirst) this.#arm();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const pause = this.#refusal === undefined ? this.#options.everyMs : RECHECK_MS;
    this.#timer = setTimeout(() => void this.#check(), pause).unref();
  }

  async #check(): Promise<void> {
    const timer = this.#timer;
    this.#refusals = 0;
    try {
      if (this.#options.isPossible()) {
        await this.#options.write();
        this.#accepted();
      }
    } catch (error) {
      const kind = kindOf(error);
      if (refusesWrites(kind)) this.refused(kind);
    }
    if (this.#timer === timer) this.#arm();
  }

  /** At the edge of the limit a small write may pass where messages are refused: such a check counts for nothing. */
  #accepted(): void {
    if (this.#refusals > 0 || this.#refusal === undefined) return;
    this.#refusal = undefined;
    this.#options.health.able(true, "write");
    this.#options.health.restore("stored messages");
  }
}
