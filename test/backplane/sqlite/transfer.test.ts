import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, expect, test } from "vitest";
import {
  checkData,
  exportData,
  importData,
  type Message,
  sqliteBackplane,
} from "../../../src/backplane/backplane.ts";
import { RecordingSink, upTo } from "../contract/harness.ts";
import { newDirectory, removeDirectories } from "./harness.ts";

afterAll(removeDirectories);

/** Numbers that JavaScript cannot hold, and text that looks like the end of a line of an export. */
const BODY = '{"n":738529527931269425,"text":",\\"data\\":1}"}';

async function start(directory: string) {
  const backplane = sqliteBackplane({ directory, history: { count: 100, ageMs: 3_600_000 } });
  await backplane.start({ id: "n1", ip: "127.0.0.1", port: 8080, connections: () => 0 }, new RecordingSink());
  return backplane;
}

/** A directory with some of everything, whose server has ended. */
async function filled(): Promise<string> {
  const directory = await newDirectory();
  const { broker, cursors, memberships, presence, cluster, stop } = await start(directory);
  for (const number of upTo(5)) {
    const channel: Message["channel"] = number % 2 === 0 ? "user:bob" : "group:g";
    const fields = number === 4 ? { from: "alice", platforms: ["web"], recipient: "carol" } : {};
    const message = { id: `m${number}`, type: "chat", body: BODY, timestamp: Date.now(), channel, ...fields };
    await broker.append(message, `k${number}`);
  }
  const notice = { id: "m6", type: "message.edited", body: BODY, timestamp: Date.now() };
  const [{ epoch } = { epoch: "" }] = await broker.positions(["group:g"]);
  await broker.edit({
    notice: { ...notice, channel: "group:g" },
    epoch,
    offset: 1,
    id: "m1",
    body: '"edited"',
  });
  await cursors.move("bob", "phone", "user:bob", { offset: 1 });
  for (const user of ["bob", "alice"]) await memberships.add("chess", user);
  await presence.block("eve", 60_000);
  await cluster.adjust("limits", '{"messagesPerUser":"1-S"}');
  await stop();
  return directory;
}

/** The lines of an export, but the first one, which has the time. */
const linesOf = (directory: string): string[] => [...exportData(directory)].slice(1);

test("an export that is imported into another directory has the same lines again", async () => {
  const from = await filled();
  const to = await newDirectory();

  const imported = await importData(to, exportData(from), { keepEpochs: true });

  expect(linesOf(to)).toEqual(linesOf(from));
  expect(linesOf(from)).toHaveLength(imported.lines + 1);
  expect(linesOf(from).join("\n")).toContain(`"data":${BODY}}`);
  expect(checkData(to)).toEqual({ channels: 2, messages: 6, problems: [] });
  const server = await start(to);
  const { messages } = await server.broker.history("group:g", { after: 0, limit: 1 });
  expect(messages).toMatchObject([{ body: '"edited"', change: { notice: 4, deleted: false } }]);
  await server.stop();
});

test("after an import histories have another epoch, devices are told by their cursors, and offsets go on", async () => {
  const from = await filled();
  const to = await newDirectory();
  await importData(to, exportData(from));
  const [before, after] = [await start(from), await start(to)];

  const [old] = await before.broker.positions(["user:bob"]);
  const [position] = await after.broker.positions(["user:bob"]);
  expect(position?.offset).toBe(2);
  expect(position?.epoch).not.toBe(old?.epoch);
  expect(await after.cursors.read("bob", "phone", ["user:bob"])).toEqual([{ epoch: old?.epoch, offset: 1 }]);
  await Promise.all([before.stop(), after.stop()]);
});

test("an export can be made while a server uses the directory, and an import cannot", async () => {
  const directory = await filled();
  const server = await start(directory);

  expect(linesOf(directory).length).toBeGreaterThan(10);
  await expect(importData(directory, [], { replace: true })).rejects.toMatchObject({ code: "conflict" });
  await server.stop();
});

test("an import into a directory with data is refused, unless it is told to replace them", async () => {
  const from = await filled();
  const to = await filled();
  const before = linesOf(to);

  await expect(importData(to, exportData(from))).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("has data already"),
  });
  expect(linesOf(to)).toEqual(before);
  await importData(to, exportData(from), { replace: true, keepEpochs: true });
  expect(linesOf(to)).toEqual(linesOf(from));
});

test.each([
  ["ends early", (lines: string[]) => lines.slice(0, -1), "the export ends early"],
  [
    "lacks a message",
    (lines: string[]) => lines.toSpliced(4, 1),
    "line 5 has offset 3 of group:g, expected 2",
  ],
  [
    "lacks a line",
    (lines: string[]) => lines.toSpliced(-2, 1),
    /ends an export of \d+ lines, and there were \d+/,
  ],
  ["has another first line", (lines: string[]) => lines.slice(1), "line 1 is out of place"],
  [
    "has a line that is none",
    (lines: string[]) => lines.toSpliced(2, 0, "x"),
    "line 3 is no line of an export",
  ],
])("an export that %s is refused with its line, and nothing of it stays", async (_, change, message) => {
  const to = await newDirectory();
  const lines = change([...exportData(await filled())]);

  await expect(importData(to, lines)).rejects.toMatchObject({
    code: "bad_request",
    message: typeof message === "string" ? expect.stringContaining(message) : expect.stringMatching(message),
  });
  expect(checkData(to)).toEqual({ channels: 0, messages: 0, problems: [] });
});

test("a check finds what breaks the invariants", async () => {
  const directory = await filled();
  const db = new DatabaseSync(join(directory, "tidings.db"));
  db.exec("DELETE FROM messages WHERE id = 'm3'; UPDATE cursors SET offset = 9; DELETE FROM member_counts");
  db.exec("INSERT INTO member_counts VALUES ('chess', 7); UPDATE messages SET history = 99 WHERE id = 'm2'");
  db.close();

  expect(checkData(directory).problems).toEqual([
    expect.stringContaining("offsets 1 to 4 have 3 messages, so there is a hole or a repeat"),
    expect.stringContaining("the sizes up to offset 3 do not add up"),
    "history 99 has messages and belongs to no channel",
    "user:bob: the cursor of bob on phone is at offset 9, beyond the last message",
    "group chess counts 7 members and has others",
  ]);
});
