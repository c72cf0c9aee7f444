import type { Connection } from "../connection.ts";

/** Port to the application's hook about dropped messages. */
export interface DropListener {
  readonly isHeard: boolean;
  /** Called once per tick for each connection that dropped messages in it. */
  tell(connection: Connection, messages: number): void;
}

/** Counts dropped messages per connection and tick: a fan-out to a slow client must not cost an event for each message. */
export class Drops {
  readonly #listener: DropListener | undefined;
  #counts: Map<Connection, number> | undefined;

  constructor(listener: DropListener | undefined) {
    this.#listener = listener;
  }

  readonly add = (connection: Connection): void => {
    if (this.#listener?.isHeard !== true) return;
    if (this.#counts === undefined) {
      this.#counts = new Map();
      setImmediate(this.#tell);
    }
    this.#counts.set(connection, (this.#counts.get(connection) ?? 0) + 1);
  };

  readonly #tell = (): void => {
    const counts = this.#counts;
    this.#counts = undefined;
    for (const [connection, messages] of counts ?? []) this.#listener?.tell(connection, messages);
  };
}
