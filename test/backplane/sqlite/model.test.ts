import fc from "fast-check";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { checkData, type Message } from "../../../src/backplane/backplane.ts";
import { numberOf, openFile } from "../../../src/backplane/sqlite/file/file.ts";
import { editMessage } from "../../../src/backplane/sqlite/history/edits.ts";
import { Histories } from "../../../src/backplane/sqlite/history/histories.ts";
import { Pages } from "../../../src/backplane/sqlite/history/pages.ts";
import type { Channel } from "../../../src/protocol/protocol.ts";
import { newDirectory, removeDirectories } from "./harness.ts";

afterAll(removeDirectories);

const CHANNELS: readonly Channel[] = ["all", "user:ada", "group:crew"];
const AGE_MS = 1_000;
const COUNT = 6;
/** Some sixty short messages fill the arrivals. */
const LIMITS = { count: COUNT, ageMs: AGE_MS, totalBytes: 1_048_576 };

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      to: fc.nat(2),
      isLarge: fc.nat(5).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("edit" as const), to: fc.nat(2), back: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("tidy" as const), to: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(AGE_MS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("undo" as const), to: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("settle" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Each> ? Each : never;

/** A message as the model has it. */
interface Kept {
  readonly id: string;
  readonly offset: number;
  readonly timestamp: number;
  body: string;
  canEdit: boolean;
}

/** The histories of a file beside a model of them, which does what docs/MESSAGES.md says and nothing else. */
class Twin {
  readonly #db: ReturnType<typeof openFile>["db"];
  #all: Histories;
  #now = 1_000_000;
  #ids = 0;
  readonly #kept = new Map<Channel, { last: number; messages: Kept[] }>(
    CHANNELS.map((channel) => [channel, { last: 0, messages: [] }]),
  );

  constructor(db: ReturnType<typeof openFile>["db"]) {
    this.#db = db;
    this.#all = this.#open();
  }

  run(step: Step): void {
    if (step.do === "append") this.#append(this.#name(step.to), step.isLarge);
    else if (step.do === "edit") this.#edit(this.#name(step.to), step.back);
    else if (step.do === "tidy") this.#tidy(this.#name(step.to));
    else if (step.do === "wait") this.#now += step.ms;
    else if (step.do === "restart") this.#all = this.#open();
    else if (step.do === "settle") this.#transact(() => this.#all.settleAll());
    else this.#undo(this.#name(step.to));
  }

  /** Compares the pages, and the file with its own rules. */
  compare(): void {
    const pages = new Pages(this.#all);
    for (const [channel, { last, messages }] of this.#kept) {
      const page = pages.read(channel, { after: 0, limit: 999 });
      expect(page.last).toBe(last);
      expect(page.messages.map(({ offset, id, body }) => [offset, id, body])).toEqual(
        this.#retained(messages).map(({ offset, id, body }) => [offset, id, body]),
      );
    }
    expect(numberOf(this.#db, "SELECT count(*) FROM unsettled")).toBe(
      numberOf(this.#db, "SELECT count(DISTINCT history || ':' || offset) FROM unsettled"),
    );
  }

  #retained(messages: readonly Kept[]): readonly Kept[] {
    const first = messages.findIndex(({ timestamp }) => timestamp >= this.#now - AGE_MS);
    return first < 0 ? [] : messages.slice(Math.max(first, messages.length - COUNT));
  }

  #append(channel: Channel, isLarge: boolean): void {
    const message = this.#message(channel, isLarge ? JSON.stringify("x".repeat(3_000)) : "1");
    this.#transact(() => this.#all.append(message));
    this.#keep(channel, message, true);
  }

  /** Edits one of the newest messages, once: an edit takes the data of an earlier notice away. */
  #edit(channel: Channel, back: number): void {
    const kept = this.#kept.get(channel) ?? expect.fail(channel);
    const edited = this.#retained(kept.messages).at(-1 - back);
    const found = this.#all.find(channel);
    if (edited === undefined || found === undefined || !edited.canEdit) return;
    const notice = this.#message(channel, '"told"');
    const body = edited.offset % 2 === 0 ? '"edited"' : JSON.stringify("y".repeat(500));
    const { epoch } = found;
    const { offset, id } = edited;
    this.#transact(() => editMessage(this.#all, { notice, epoch, offset, id, body }));
    edited.body = body;
    edited.canEdit = false;
    this.#keep(channel, notice, false);
  }

  #tidy(channel: Channel): void {
    this.#transact(() => {
      const state = this.#all.find(channel);
      if (state !== undefined) this.#all.tidy(state);
    });
  }

  #undo(channel: Channel): void {
    this.#transact(() => {
      for (let count = 0; count < 20; count++) this.#all.append(this.#message(channel, '"undone"'));
    }, "ROLLBACK");
  }

  #transact(change: () => void, end: "COMMIT" | "ROLLBACK" = "COMMIT"): void {
    this.#db.exec("BEGIN");
    change();
    this.#all.settleSurplus(new Set());
    this.#db.exec(end);
    if (end === "COMMIT") this.#all.committed();
    else this.#all.reload();
  }

  #message(channel: Channel, body: string): Message {
    return { id: `m${++this.#ids}`, type: "chat", body, timestamp: this.#now, channel };
  }

  #keep(channel: Channel, { id, timestamp, body }: Message, canEdit: boolean): void {
    const kept = this.#kept.get(channel) ?? expect.fail(channel);
    kept.messages.push({ id, offset: ++kept.last, timestamp, body, canEdit });
  }

  #name(index: number): Channel {
    return CHANNELS[index] ?? "all";
  }

  /** As after a crash: the file is as the last transaction left it. */
  #open(): Histories {
    return new Histories(this.#db, LIMITS, () => this.#now);
  }
}

test("histories are those of a model, whatever is appended, edited, expired, undone and cut off by a crash", async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
    const directory = await newDirectory();
    const { db, close } = openFile(directory);
    try {
      const twin = new Twin(db);
      for (const each of steps) {
        twin.run(each);
        twin.compare();
      }
      expect(checkData(directory).problems).toEqual([]);
    } finally {
      close();
    }
  });
  await fc.assert(property, { numRuns: 60, seed: 7 });
});

test("arrivals that have moved do not come back when their table was emptied", async () => {
  const { db, close } = openFile(await newDirectory());
  onTestFinished(close);
  const twin = new Twin(db);
  const append = (isLarge: boolean): Step => ({ do: "append", to: 0, isLarge });
  const steps = [append(false), append(true), ...Array.from({ length: COUNT + 1 }, () => append(false))];
  for (const each of [...steps, { do: "tidy", to: 0 } as const, { do: "restart" } as const, append(false)]) {
    twin.run(each);
    twin.compare();
  }
});

test("a quiet channel does not keep the rows of the others among the arrivals", async () => {
  const { db, close } = openFile(await newDirectory());
  onTestFinished(close);
  const all = new Histories(db, { count: 100, ageMs: 3_600_000 }, Date.now);
  const transact = (change: () => void): void => {
    db.exec("BEGIN");
    change();
    all.settleSurplus(new Set());
    db.exec("COMMIT");
    all.committed();
  };
  const append = (channel: Channel): void => {
    all.append({ id: "m", type: "chat", body: "1", timestamp: Date.now(), channel });
  };
  transact(() => append("user:quiet"));
  for (let round = 0; round < 140; round++)
    transact(() => {
      for (let count = 0; count < 1_000; count++) append("group:busy");
    });
  expect(numberOf(db, "SELECT count(*) FROM arrivals")).toBeLessThan(70_000);
  const { messages } = new Pages(all).read("user:quiet", { after: 0, limit: 9 });
  expect(messages.map(({ body }) => body)).toEqual(["1"]);
});
