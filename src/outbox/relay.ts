import { setTimeout as sleep } from "node:timers/promises";
import type { EventMap, Hub } from "../index.ts";
import { backoff, TidingsError, toTidingsError } from "../protocol/protocol.ts";
import type { Backlog } from "./backlog.ts";
import { type FailedRow, type Outcome, publishRows } from "./round.ts";
import type { OutboxRow } from "./row.ts";
import { MOST_ROWS, type OutboxStore, openStore } from "./store/store.ts";
import { localHub } from "./targets/local.ts";
import type { Publish } from "./targets/publish.ts";
import { type RemoteHub, remoteHub } from "./targets/remote.ts";

/** Options of {@link createRelay}. */
export interface RelayOptions<Declared extends object = EventMap> {
  /** Database of the outbox: `sqlite:<file>`, or `postgres://user:password@host:5432/database` with the package `pg`. */
  readonly database: string;
  /** The hub of this process, or the address and an API key of another one. */
  readonly hub: Hub<Declared> | RemoteHub;
  /**
   * Time between two looks for rows, in milliseconds. PostgreSQL notifies of rows, so a look is a precaution there.
   * @default 1_000 for PostgreSQL, 20 for SQLite
   */
  readonly pollMs?: number | undefined;
  /** Longest delay between two attempts while the database or the hub is away, in milliseconds. @default 5_000 // 5 s */
  readonly retryMs?: number | undefined;
  /** Called with outages, once each, and with rows that are refused for good. @default a warning of the process */
  readonly report?: ((error: TidingsError) => void) | undefined;
}

/** Totals of a relay since its start. */
export interface RelayCounts {
  /** Rows that the hub has, and that are deleted. */
  readonly published: number;
  /** Rows that were refused for good, and are marked. */
  readonly failed: number;
  /** Times that the database or the hub did not do what was asked. It is tried again. */
  readonly retries: number;
}

/** A running relay. */
export interface Relay {
  readonly counts: RelayCounts;
  /** Counts the rows in the outbox. @throws TidingsError `unavailable` without the database, and when the relay is closed */
  backlog(): Promise<Backlog>;
  /** Waits for the call to the hub that is in flight, 10 s at most, and deletes the published rows. The relay publishes nothing afterwards. */
  close(): Promise<void>;
}

/**
 * Publishes the committed rows of an outbox, in the order of their numbers within each channel, and deletes them. Of several relays of one
 * outbox one works, and the others wait to take its place. It starts at once, and goes on through outages of database and hub.
 * @throws TidingsError `bad_request` for bad options, and for PostgreSQL without the package `pg`
 */
export function createRelay<Declared extends object = EventMap>(options: RelayOptions<Declared>): Relay {
  const { database, hub, report = PROCESS_WARNING } = options;
  const publish = publishTo(hub);
  const { store, pollMs } = openStore(database);
  const times = { pollMs: options.pollMs ?? pollMs, retryMs: options.retryMs ?? 5_000 };
  for (const [name, ms] of Object.entries(times)) assertTime(name, ms);
  return new RunningRelay({ store, publish, report, ...times });
}

function assertTime(name: string, ms: number): void {
  if (ms >= 1 && ms <= 3_600_000) return;
  throw new TidingsError("bad_request", `createRelay: ${name}: expected milliseconds from 1 to 3,600,000`);
}

const PROCESS_WARNING = (error: TidingsError): void => process.emitWarning(error.message);

function publishTo<Declared extends object>(hub: Hub<Declared> | RemoteHub): Publish {
  // Rows hold whatever the application declares.
  if (typeof (hub as Partial<Hub<Declared>>)?.batch === "function")
    return localHub(hub as unknown as Hub<EventMap>);
  return remoteHub((hub ?? {}) as RemoteHub);
}

/** Time in which a round publishes what it has read. Short, so that little is published twice should the process end, and long stopped. */
const ROUND_MS = 1_000;

/** Delay before the second attempt; it doubles from there. */
const RETRY_MS = 100;

/** Failures in a row, from which on an outage is told: a file that is locked for a moment is none. */
const TOLD_AFTER = 3;

/** Channels that are left out at a time. */
const MOST_STALLED = 1_000;

/** Least delay between two looks while channels are left out: the database passes over all of their rows at each look. */
const STALLED_POLL_MS = 250;

/** Rows of a channel in a full read, beyond which those of others are read too: a channel with very many must not hold up the others. */
const BUSY_ROWS = 50;

interface RelayPorts {
  readonly store: OutboxStore;
  readonly publish: Publish;
  readonly pollMs: number;
  readonly retryMs: number;
  readonly report: (error: TidingsError) => void;
}

class RunningRelay implements Relay {
  readonly #ports: RelayPorts;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>;
  #published = 0;
  #failed = 0;
  #retries = 0;
  /** Rows that are published or refused, and not yet settled in the database. */
  #unsettled: Pick<Outcome, "published" | "failed"> = { published: [], failed: [] };
  /** Channels whose next row failed for now; they are left out until {@link #retryAt}. */
  readonly #stalled = new Set<string>();
  #retryAt = 0;
  #failuresInRow = 0;

  constructor(ports: RelayPorts) {
    this.#ports = ports;
    this.#work = this.#run();
  }

  get counts(): RelayCounts {
    return { published: this.#published, failed: this.#failed, retries: this.#retries };
  }

  async backlog(): Promise<Backlog> {
    if (this.#stop.signal.aborted) throw new TidingsError("unavailable", "outbox: the relay is closed");
    return this.#ports.store.backlog();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#work;
    await this.#ports.store.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#step();
        if (this.#stalled.size === 0) this.#failuresInRow = 0;
      } catch (error) {
        const delayMs = this.#noteFailure(toTidingsError(error));
        await this.#pause(delayMs);
      }
    }
    await this.#settle().catch(() => undefined); // the next relay publishes them again, and the hub drops the duplicates
  }

  async #step(): Promise<void> {
    const { store, publish, pollMs } = this.#ports;
    const { signal } = this.#stop;
    await this.#settle();
    if (performance.now() >= this.#retryAt) this.#stalled.clear();
    if (this.#stalled.size >= MOST_STALLED) return this.#pause(this.#untilRetry());
    const rows = await this.#read();
    if (rows.length === 0) {
      if (this.#stalled.size === 0) return store.wait(pollMs, signal);
      return this.#pause(Math.min(Math.max(pollMs, STALLED_POLL_MS), this.#untilRetry()));
    }
    const end = performance.now() + ROUND_MS;
    const outcome = await publishRows(rows, publish, () => signal.aborted || performance.now() > end);
    this.#unsettled = outcome;
    await this.#settle();
    if (outcome.problem !== undefined) throw outcome.problem;
    this.#stall(outcome);
  }

  /** Reads the next rows; none while another relay works. */
  async #read(): Promise<readonly OutboxRow[]> {
    const { store } = this.#ports;
    const stalled = [...this.#stalled];
    const rows = (await store.read(stalled)) ?? [];
    if (rows.length < MOST_ROWS) return rows;
    const busy = [...Map.groupBy(rows, ({ channel }) => channel)]
      .filter(([, some]) => some.length > BUSY_ROWS)
      .map(([channel]) => channel);
    const known = new Set(rows.map(({ id }) => id));
    const others = (await store.read([...stalled, ...busy])) ?? [];
    return [...rows, ...others.filter(({ id }) => !known.has(id))];
  }

  /** Waits without looking out for new rows. */
  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  /** Deletes and marks what is done. Until that succeeds nothing else is read. */
  async #settle(): Promise<void> {
    const { published, failed } = this.#unsettled;
    if (published.length === 0 && failed.length === 0) return;
    const refusals = failed.map(({ id, key, error }) => ({
      id,
      key,
      reason: `${error.code}: ${error.message}`,
    }));
    await this.#ports.store.settle(published, refusals);
    this.#unsettled = { published: [], failed: [] };
    this.#published += published.length;
    this.#failed += failed.length;
    if (failed.length > 0) this.#report(refusalOf(failed));
  }

  /** @throws TidingsError when all of several channels failed: then the hub is away, and not one of them the cause */
  #stall({ stalled, published, failed }: Outcome): void {
    const [row] = stalled.values();
    if (row === undefined) return;
    const error = delayOf(row);
    if (stalled.size > 1 && published.length + failed.length === 0) throw error;
    for (const channel of stalled.keys()) this.#stalled.add(channel);
    this.#retryAt = performance.now() + this.#noteFailure(error);
  }

  #untilRetry(): number {
    return this.#stalled.size === 0
      ? Number.POSITIVE_INFINITY
      : Math.max(1, this.#retryAt - performance.now());
  }

  /** @returns the delay before the next attempt */
  #noteFailure(error: TidingsError): number {
    this.#retries++;
    this.#failuresInRow++;
    if (this.#failuresInRow === TOLD_AFTER) this.#report(error);
    return (
      backoff(this.#failuresInRow - 1, { minMs: RETRY_MS, maxMs: this.#ports.retryMs }) *
      (0.5 + Math.random() / 2)
    );
  }

  /** A report that throws must not end the relay. */
  #report(error: TidingsError): void {
    try {
      this.#ports.report(error);
    } catch (thrown) {
      PROCESS_WARNING(toTidingsError(thrown));
    }
  }
}

/** One error for the rows of a round: somebody may have written thousands of bad ones. */
function refusalOf(failed: readonly FailedRow[]): TidingsError {
  const [first] = failed as [FailedRow]; // there is one at least
  const rows = failed.length === 1 ? "a row was" : `${failed.length} rows were`;
  const text = `outbox: ${rows} refused for good, and marked as failed: ${nameOf(first)}`;
  return new TidingsError(first.error.code, text);
}

const delayOf = (row: FailedRow): TidingsError =>
  new TidingsError(
    row.error.code,
    `outbox: the hub does not take a row now, and it is tried again: ${nameOf(row)}`,
  );

const nameOf = ({ id, channel, error }: FailedRow): string =>
  `row ${id} to ${JSON.stringify(channel.slice(0, 80).toWellFormed())}: ${error.message}`;
