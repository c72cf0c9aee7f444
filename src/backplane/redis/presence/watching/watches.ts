import type { Bus } from "../../bus/bus.ts";
import {
  type Connection,
  forEachConcurrently,
  type RunScript,
  type Script,
} from "../../connection/connection.ts";

/** Names in one script: a script takes about a millisecond. */
const PER_SCRIPT = 100;

export interface WatchesParts<Name extends string> {
  readonly connection: Pick<Connection, "run" | "exec">;
  readonly bus: Pick<Bus, "token">;
  /** Begins watches of a node, or ends them: token, 1 or 0, names. It replies how many the node did not have before. */
  readonly script: Script;
  readonly partitionOf: (name: Name) => number;
}

/**
 * Watches of this node of one kind. The node owns them in Redis, as it owns its connections: recovery announces them again, the
 * comparison restores them, and whoever clears up after the node removes them.
 */
export class Watches<Name extends string> {
  readonly #parts: WatchesParts<Name>;
  readonly #names = new Set<Name>();

  constructor(parts: WatchesParts<Name>) {
    this.#parts = parts;
  }

  get names(): Iterable<Name> {
    return this.#names;
  }

  has(name: Name): boolean {
    return this.#names.has(name);
  }

  /** @throws TidingsError `unavailable`: then this node has no such watch */
  async begin(name: Name): Promise<void> {
    const { connection, partitionOf } = this.#parts;
    this.#names.add(name);
    try {
      await this.#set(connection.run, partitionOf(name), 1, [name]);
    } catch (error) {
      this.#names.delete(name);
      throw error;
    }
  }

  /** @throws TidingsError `unavailable`: then the next comparison ends what Redis may still have */
  async end(name: Name): Promise<void> {
    this.#names.delete(name);
    const { connection, partitionOf } = this.#parts;
    await this.#set(connection.run, partitionOf(name), 0, [name]);
  }

  /** Restores watches that Redis has lost. @returns number of watches restored */
  restore(names: readonly Name[], partition: number): Promise<number> {
    const own = names.filter((name) => this.has(name));
    return this.#set(this.#parts.connection.run, partition, 1, own);
  }

  /** Announces the watches in some partitions again, as a part of recovery. */
  async reconcile(partitions: readonly number[]): Promise<void> {
    const { connection, partitionOf } = this.#parts;
    const namesAt = Map.groupBy(this.#names, partitionOf);
    await forEachConcurrently(partitions, async (partition) => {
      await this.#set(connection.exec, partition, 1, namesAt.get(partition) ?? []);
    });
  }

  /** Ends watches that Redis has and this node has not. @returns number of watches ended */
  async endStale(partition: number, names: readonly Name[]): Promise<number> {
    const stale = names.filter((name) => !this.has(name));
    await this.#set(this.#parts.connection.run, partition, 0, stale);
    return stale.length;
  }

  async #set(run: RunScript, partition: number, is: 0 | 1, names: readonly Name[]): Promise<number> {
    const { bus, script } = this.#parts;
    let added = 0;
    for (let start = 0; start < names.length; start += PER_SCRIPT) {
      const some = names.slice(start, start + PER_SCRIPT);
      added += Number(await run(script, partition, [bus.token, is, ...some]));
    }
    return added;
  }
}
