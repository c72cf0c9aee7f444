import type { DatabaseSync, StatementSync } from "node:sqlite";
import { TidingsError, toTidingsError } from "../../protocol/protocol.ts";
import type { Health } from "../port.ts";
import { causeOf, unavailable } from "./file/file.ts";

/** A change of the file, which waits for the end of the tick. */
export interface Write {
  /** Makes the change, inside the transaction. A TidingsError refuses this change alone; it must have changed nothing then. */
  run(): void;
  /** The transaction is committed. */
  done(): void;
  failed(error: unknown): void;
}

export interface WriterPorts {
  readonly health: Health;
  /** Ends the transaction of a tick: inside it, after all changes. */
  readonly finish: () => void;
  /** The transaction was rolled back: what was derived from it does not hold. */
  readonly rolledBack: () => void;
  /** The transaction is committed: `writes` changes were in it. Called before any of them is told. */
  readonly committed: (writes: number) => void;
  /** Makes the committed changes survive a crash of the system; undefined: only of the process. */
  readonly sync: (() => Promise<void>) | undefined;
}

/** Time between two attempts to write while the file cannot be written. */
const RETRY_MS = 1_000;

/** Bytes of an attempt: a few may fit where messages do not. */
const TRIAL = 65_536;

/**
 * Writes the changes of each tick in one transaction: commits cost more than changes. Nothing is told before it is committed.
 */
export class Writer {
  readonly #db: DatabaseSync;
  readonly #ports: WriterPorts;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #queue: Write[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #isHeld = false;
  #syncing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(db: DatabaseSync, ports: WriterPorts) {
    this.#db = db;
    this.#ports = ports;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
  }

  add(write: Write): void {
    this.#queue.push(write);
    this.#schedule();
  }

  /** Makes a change at the end of the tick. @returns what it returned, once it is committed */
  write<Result>(change: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      let result: Result;
      this.add({
        run: () => {
          result = change();
        },
        done: () => resolve(result),
        failed: reject,
      });
    });
  }

  /** Holds all changes back until {@link release}: for moments in which the file must not change. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    if (this.#queue.length > 0) this.#schedule();
  }

  /** Writes what waits. Nothing may be added afterwards. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    while (this.#queue.length > 0 || this.#syncing !== undefined) {
      await this.#syncing;
      this.#isHeld = false;
      this.#flush();
    }
    clearImmediate(this.#scheduled);
  }

  #schedule(): void {
    if (this.#isHeld || this.#syncing !== undefined) return;
    this.#scheduled ??= setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    if (this.#isHeld || this.#syncing !== undefined || this.#queue.length === 0) return;
    const batch = this.#queue;
    this.#queue = [];
    const refusals = this.#transact(batch);
    if (refusals === undefined) return;
    const { sync } = this.#ports;
    if (sync === undefined) {
      tell(batch, refusals);
      return;
    }
    // Changes that come meanwhile wait, and share the next transaction.
    this.#syncing = sync()
      .then(
        () => tell(batch, refusals),
        (error: unknown) => this.#fail(batch, error),
      )
      .finally(() => {
        this.#syncing = undefined;
        if (this.#queue.length > 0) this.#schedule();
      });
  };

  /** Runs a transaction. @returns the refused changes; undefined after a failure, which all changes were told */
  #transact(batch: readonly Write[]): Map<Write, TidingsError> | undefined {
    const refusals = new Map<Write, TidingsError>();
    try {
      this.#begin.run();
      for (const write of batch) {
        try {
          write.run();
        } catch (error) {
          if (!(error instanceof TidingsError)) throw error;
          refusals.set(write, error);
        }
      }
      this.#ports.finish();
      this.#commit.run();
    } catch (error) {
      this.#rollBack();
      this.#fail(batch, error);
      return undefined;
    }
    this.#recovered();
    this.#ports.committed(batch.length);
    return refusals;
  }

  #rollBack(): void {
    try {
      // SQLite has rolled back itself after some failures.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
    } catch {
      // The next BEGIN fails, and says why.
    }
    this.#ports.rolledBack();
  }

  #fail(batch: readonly Write[], error: unknown): void {
    const cause = causeOf(error);
    if (cause !== undefined) this.#degrade(cause);
    const answer = cause === undefined ? toTidingsError(error) : unavailable(error);
    for (const write of batch) write.failed(answer);
  }

  #degrade(cause: string): void {
    const { health } = this.#ports;
    health.able(false, "write");
    health.degrade("stored messages", `the data directory cannot be written: ${cause}`);
    if (!this.#isStopped) this.#retry ??= setTimeout(() => this.#try(), RETRY_MS).unref();
  }

  #recovered(): void {
    const { health } = this.#ports;
    if (health.abilities.write || this.#retry !== undefined) return;
    health.able(true, "write");
    health.restore("stored messages");
  }

  /** Writes and removes as much as a few messages need. A failure degrades again. */
  #try(): void {
    this.#retry = undefined;
    const sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('trial', hex(zeroblob(?)))";
    this.write(() => this.#db.prepare(sql).run(TRIAL))
      .then(() => this.write(() => this.#db.exec("DELETE FROM meta WHERE name = 'trial'")))
      .catch(() => undefined); // the failure is in the health
  }
}

function tell(batch: readonly Write[], refusals: ReadonlyMap<Write, TidingsError>): void {
  for (const write of batch) {
    const refusal = refusals.size === 0 ? undefined : refusals.get(write);
    if (refusal === undefined) write.done();
    else write.failed(refusal);
  }
}
