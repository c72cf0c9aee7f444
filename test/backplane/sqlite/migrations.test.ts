import { afterAll, expect, test } from "vitest";
import { sqliteBackplane } from "../../../src/backplane/backplane.ts";
import { numberOf, openFile } from "../../../src/backplane/sqlite/file/file.ts";
import { MIGRATIONS } from "../../../src/backplane/sqlite/file/schema.ts";
import { RecordingSink } from "../contract/harness.ts";
import { newDirectory, removeDirectories } from "./harness.ts";

afterAll(removeDirectories);

/** The next version, as it may be some day. */
const NEXT = [...MIGRATIONS, "ALTER TABLE messages ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'"];

/** A directory of this version, with one message. */
async function filled(): Promise<string> {
  const directory = await newDirectory();
  const { start, stop, broker } = sqliteBackplane({ directory, history: { count: 9, ageMs: 3_600_000 } });
  await start({ id: "n1", ip: "127.0.0.1", port: 8080, connections: () => 0 }, new RecordingSink());
  await broker.append({ id: "m1", type: "chat", body: "1", timestamp: Date.now(), channel: "all" });
  await stop();
  return directory;
}

test("a file of an older version is brought up to date once, with its data", async () => {
  const directory = await filled();

  for (let starts = 0; starts < 2; starts++) {
    const { db, close } = openFile(directory, NEXT);
    expect(db.prepare("SELECT id, colour FROM messages").all()).toEqual([{ id: "m1", colour: "blue" }]);
    expect(numberOf(db, "SELECT count(*) FROM migrations")).toBe(NEXT.length);
    close();
  }
  expect(() => openFile(directory)).toThrow(`has version ${NEXT.length}`);
});

test("a migration that fails leaves the file as it was", async () => {
  const directory = await filled();

  expect(() => openFile(directory, [...NEXT, "ALTER TABLE absent ADD COLUMN x"])).toThrow("no such table");

  const { db, close } = openFile(directory);
  expect(db.prepare("SELECT * FROM messages").get()).not.toHaveProperty("colour");
  close();
});
