import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { summarise } from "../measure/statistics.ts";
import { judge } from "../report/promise.ts";
import { messageOf, openStore } from "./store.ts";

const BATCHES = [1, 16, 128, 1_024];
const USERS = 1_000;
/** Messages of each side before the first round: afterwards what keeps a file in order is part of every round. */
const WARM_UP = 50_000;

export interface InsertOptions {
  readonly messages: number;
  readonly rounds: number;
  readonly print: (text: string) => void;
}

type Loop = (batch: number, messages: number) => Promise<number>;

/** A bare loop: the table of the messages, one prepared statement, one transaction a batch, the settings of SQLite for WAL. */
function bareLoop(directory: string): Loop {
  const db = new DatabaseSync(join(directory, "bare.db"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536");
  db.exec(`CREATE TABLE messages (
    history INTEGER, offset INTEGER, id TEXT NOT NULL, type TEXT NOT NULL, sender TEXT, timestamp INTEGER NOT NULL,
    body TEXT NOT NULL, audience TEXT, size INTEGER NOT NULL, total INTEGER NOT NULL, PRIMARY KEY (history, offset)
  ) STRICT, WITHOUT ROWID`);
  const insert = db.prepare("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const [begin, commit] = [db.prepare("BEGIN IMMEDIATE"), db.prepare("COMMIT")];
  let number = 0;
  return async (batch, messages) => {
    const start = performance.now();
    for (let done = 0; done < messages; done += batch) {
      begin.run();
      for (let index = 0; index < batch; index++) {
        const { id, type, body, timestamp, from = null } = messageOf(number, USERS);
        insert.run(
          number % USERS,
          Math.floor(number / USERS),
          id,
          type,
          from,
          timestamp,
          body,
          null,
          440,
          number,
        );
        number++;
      }
      commit.run();
    }
    return (messages / (performance.now() - start)) * 1_000;
  };
}

/** Publishes a batch in one tick, and the next one when all of them are stored. */
async function storeLoop(directory: string): Promise<{ loop: Loop; stop: () => Promise<void> }> {
  const { broker, stop } = await openStore(join(directory, "store"));
  let number = 0;
  const loop: Loop = async (batch, messages) => {
    const start = performance.now();
    for (let done = 0; done < messages; done += batch) {
      const appended: Promise<unknown>[] = [];
      for (let index = 0; index < batch; index++) appended.push(broker.append(messageOf(number++, USERS)));
      await Promise.all(appended);
    }
    return (messages / (performance.now() - start)) * 1_000;
  };
  return { loop, stop };
}

/** The promise: stored publishes, beside the rows of the bare loop. */
const LEAST_RATIO = 0.7;

export async function measureInserts(
  directory: string,
  { messages, rounds, print }: InsertOptions,
): Promise<void> {
  const bare = bareLoop(directory);
  const { loop: stored, stop } = await storeLoop(directory);
  for (const loop of [bare, stored]) await loop(100, WARM_UP);
  for (const batch of BATCHES) {
    // Small batches are slow: a tenth of the messages says as much.
    const count = batch < 16 ? messages / 10 : messages;
    const figures: Record<"bare" | "stored", number[]> = { bare: [], stored: [] };
    for (let round = 0; round < rounds; round++) {
      figures.bare.push(await bare(batch, count));
      figures.stored.push(await stored(batch, count));
    }
    const [control, own] = [summarise(figures.bare), summarise(figures.stored)];
    const ratios = figures.stored.map((value, index) => value / (figures.bare[index] ?? Number.NaN));
    const { median, low, high } = summarise(ratios);
    print(
      `batch ${batch}: bare ${Math.round(control.median)}/s, stored ${Math.round(own.median)}/s, ` +
        `ratio ${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`,
    );
    judge(median >= LEAST_RATIO, `at least ${LEAST_RATIO} of the bare loop`);
  }
  await stop();
}
