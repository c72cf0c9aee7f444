import type { Message } from "../backplane/backplane.ts";
import { TidingsError } from "../protocol/protocol.ts";

/** Shortest time between two reports. */
const EVERY_MS = 1_000;

/** Reports messages that full send queues refuse: the first at once, further ones together, at most once a second. */
export class DropReports {
  readonly #report: (error: TidingsError) => void;
  #timer: NodeJS.Timeout | undefined;
  #last: Message | undefined;
  #count = 0;

  constructor(report: (error: TidingsError) => void) {
    this.#report = report;
  }

  /** @param connections number of full queues that refused the message */
  add(message: Message, connections: number): void {
    this.#last = message;
    this.#count += connections;
    if (this.#timer === undefined) this.#tell();
  }

  #tell(): void {
    const { channel = "", type = "" } = this.#last ?? {};
    const count = this.#count;
    this.#count = 0;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#count > 0) this.#tell();
    }, EVERY_MS).unref();
    this.#report(
      new TidingsError(
        "unavailable",
        `full send queues refused a message ${count} times, at last "${type}" to ${channel}: their clients read too slowly`,
      ),
    );
  }
}
