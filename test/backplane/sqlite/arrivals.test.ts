import { cp } from "node:fs/promises";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { checkData, exportData, type Message, sqliteBackplane } from "../../../src/backplane/backplane.ts";
import { numberOf, openFile } from "../../../src/backplane/sqlite/file/file.ts";
import { editMessage } from "../../../src/backplane/sqlite/history/edits.ts";
import { Histories } from "../../../src/backplane/sqlite/history/histories.ts";
import type { HistoryLimits } from "../../../src/backplane/sqlite/history/limits.ts";
import { Pages } from "../../../src/backplane/sqlite/history/pages.ts";
import type { Channel } from "../../../src/protocol/protocol.ts";
import { RecordingSink, upTo } from "../contract/harness.ts";
import { newDirectory, removeDirectories } from "./harness.ts";

afterAll(removeDirectories);

const LIMITS: HistoryLimits = { count: 1_000, ageMs: 3_600_000 };
/** Some sixty short messages fill the arrivals. */
const SMALL: HistoryLimits = { ...LIMITS, totalBytes: 1_048_576 };

let ids = 0;
const messageTo = (channel: Channel, body = '"short"'): Message => ({
  ...{ id: `m${++ids}`, type: "chat", body, timestamp: Date.now(), channel },
});

async function start(directory: string, history: HistoryLimits) {
  const backplane = sqliteBackplane({ directory, history });
  await backplane.start({ id: "n1", ip: "127.0.0.1", port: 8080, connections: () => 0 }, new RecordingSink());
  return backplane;
}

/** Histories on a file, without the rest of the backplane. */
async function histories(limits = LIMITS) {
  const { db, close } = openFile(await newDirectory());
  onTestFinished(close);
  const all = new Histories(db, limits, Date.now);
  const pages = new Pages(all);
  /** Makes changes in a transaction, as the writer does. */
  const transact = (change: () => void, end: "COMMIT" | "ROLLBACK" = "COMMIT"): void => {
    db.exec("BEGIN");
    change();
    all.settleSurplus(new Set());
    db.exec(end);
    if (end === "COMMIT") all.committed();
    else all.reload();
  };
  const bodies = (channel: Channel): string[] =>
    pages.read(channel, { after: 0, limit: 999 }).messages.map(({ body }) => body);
  const count = (table: string): number => numberOf(db, `SELECT count(*) FROM ${table}`);
  return { db, all, transact, bodies, count };
}

test("messages have their order wherever they lie: after each other, in an export, and after a crash", async () => {
  const [directory, copy] = [await newDirectory(), await newDirectory()];
  const backplane = await start(directory, SMALL);
  const channels = upTo(9).map((number): Channel => `group:${number}`);
  const bodies = new Map<Channel, string[]>(channels.map((channel) => [channel, []]));
  for (const round of upTo(40)) {
    const sent = channels.filter((_, index) => round % (index + 1) === 0);
    const large = round % 7 === 0 ? "x".repeat(3_000) : "";
    await Promise.all(
      sent.map((channel) => {
        const body = `"${round}${large}"`;
        bodies.get(channel)?.push(body);
        return backplane.broker.append(messageTo(channel, body));
      }),
    );
    for (const channel of sent) {
      const { messages } = await backplane.broker.history(channel, { limit: 3 });
      expect(messages.map(({ body }) => body)).toEqual(bodies.get(channel)?.slice(-3));
    }
  }
  const lines = [...exportData(directory)].slice(1);
  expect(checkData(directory)).toMatchObject({ channels: 9, problems: [] });

  await cp(directory, copy, { recursive: true });
  const crashed = await start(copy, SMALL);
  onTestFinished(() => crashed.stop());
  for (const node of [backplane, crashed])
    for (const [channel, expected] of bodies) {
      const page = await node.broker.history(channel, { after: 0, limit: 100 });
      expect(page.messages.map(({ body, offset }) => [offset, body])).toEqual(
        expected.map((body, index) => [index + 1, body]),
      );
    }
  expect([...exportData(copy)].slice(1)).toEqual(lines);
  await backplane.stop();
  expect([...exportData(directory)].slice(1)).toEqual(lines);
  expect(checkData(directory)).toMatchObject({ channels: 9, problems: [] });
});

test("a transaction that is rolled back leaves every message where it was", async () => {
  const { all, transact, bodies } = await histories(SMALL);
  const channels = upTo(20).map((number): Channel => `user:${number}`);
  const expected = new Map<Channel, string[]>(channels.map((channel) => [channel, []]));
  for (const round of upTo(30)) {
    // Some of them move to their table, and come back.
    transact(() => {
      for (const channel of channels) all.append(messageTo(channel, '"undone"'));
      all.append(messageTo("all", '"undone"'));
    }, "ROLLBACK");
    transact(() => {
      for (const channel of channels) {
        all.append(messageTo(channel, String(round)));
        expected.get(channel)?.push(String(round));
      }
    });
    for (const channel of channels) expect(bodies(channel)).toEqual(expected.get(channel));
    expect(bodies("all")).toEqual([]);
  }
});

test("a history of one message does not write the others to its table", async () => {
  const { all, transact, bodies, count } = await histories({ ...SMALL, count: 1 });
  for (const round of upTo(200)) transact(() => all.append(messageTo("all", String(round))));

  expect(bodies("all")).toEqual(["200"]);
  expect(count("messages")).toBeLessThanOrEqual(1);
  transact(() => all.settleAll());
  expect(bodies("all")).toEqual(["200"]);
  expect([count("messages"), count("arrivals")]).toEqual([1, 0]);
});

test("an edit changes as many rows in a long history as in a short one, and the sizes stay exact", async () => {
  const { db, all, transact, bodies, count } = await histories({ ...LIMITS, channelBytes: 100_000 });
  const long = JSON.stringify("x".repeat(1_000));
  const appended = upTo(60).map(() => messageTo("all", long));
  transact(() => {
    for (const message of appended) all.append(message);
    all.settleAll();
  });
  const { epoch } = all.open("all");
  const edit = (number: number, body: string | null): number => {
    const before = numberOf(db, "SELECT total_changes()");
    const { id = "" } = appended[number - 1] ?? {};
    transact(() => editMessage(all, { notice: messageTo("all", '"told"'), epoch, offset: number, id, body }));
    return numberOf(db, "SELECT total_changes()") - before;
  };

  expect(edit(1, '"short"')).toBeLessThan(8);
  for (const number of upTo(40)) if (number > 1) edit(number, number % 2 === 0 ? null : `"${number}"`);
  expect(bodies("all").slice(0, 3)).toEqual(['"short"', "null", '"3"']);

  const size = bodies("all").reduce((bytes, body) => bytes + 240 + Buffer.byteLength(body), 0);
  expect(all.find("all")?.bytes).toBe(size);
  expect(new Histories(db, { ...LIMITS, channelBytes: 100_000 }, Date.now).find("all")?.bytes).toBe(size);

  transact(() => {
    while (all.find("all")?.first === 1) all.append(messageTo("all", long));
    for (const _ of upTo(300)) all.append(messageTo("all", long));
  });
  expect(all.find("all")?.bytes).toBe(bodies("all").length * (240 + long.length));
  transact(() => all.tidy(all.open("all")));
  expect(count("growths")).toBe(0);
});
