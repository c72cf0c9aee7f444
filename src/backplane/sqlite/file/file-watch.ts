import type { Health } from "../../port.ts";

/** Time between two looks. */
const LOOK_MS = 10_000;

const GONE =
  "the data file was removed or replaced, and the server goes on with the one that it has open: what it keeps is lost when it ends. " +
  "Restart it, with a backup if there is one";

/**
 * Tells when the file was removed or replaced under the server. Reads and changes go on, into a file that nobody will open again, so nothing
 * else would tell.
 */
export class FileWatch {
  readonly #isThere: () => Promise<boolean>;
  readonly #health: Health;
  readonly #timer: NodeJS.Timeout;

  constructor({ isThere }: { isThere(): Promise<boolean> }, health: Health) {
    this.#isThere = isThere;
    this.#health = health;
    this.#timer = setInterval(() => void this.look(), LOOK_MS).unref();
  }

  async look(): Promise<void> {
    if (await this.#isThere()) this.#health.restore("lost data");
    else this.#health.degrade("lost data", GONE);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
