import { mkdir, rename, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, expect, test } from "vitest";
import { type Backplane, type Message, sqliteBackplane } from "../../../src/backplane/backplane.ts";
import { RecordingSink, upTo } from "../contract/harness.ts";
import { newDirectory, removeDirectories } from "./harness.ts";

afterAll(removeDirectories);

const history = { count: 1_000, ageMs: 3_600_000 };

interface Started extends AsyncDisposable {
  readonly backplane: Backplane;
  readonly sink: RecordingSink;
}

async function start(directory: string, options: object = {}): Promise<Started> {
  const backplane = sqliteBackplane({ directory, history, ...options });
  const sink = new RecordingSink();
  await backplane.start({ id: "n1", ip: "127.0.0.1", port: 8080, connections: () => 0 }, sink);
  return { backplane, sink, [Symbol.asyncDispose]: () => backplane.stop() };
}

let ids = 0;
const message = (channel: Message["channel"], fields: Partial<Message> = {}): Message => ({
  id: `m${++ids}`,
  type: "chat",
  body: '"hello"',
  timestamp: Date.now(),
  channel,
  ...fields,
});

/** Changes the file as another program would, while nobody has it open. */
function change(directory: string, sql: string): void {
  using db = new DatabaseSync(join(directory, "tidings.db"));
  db.exec(sql);
}

test("everything that is kept outlives a restart: messages, epochs, cursors, keys, memberships, blocks, settings", async () => {
  const directory = await newDirectory();
  const sent = message("user:bob", { from: "alice", platforms: ["web"], except: ["c1"] });
  let epoch = "";
  {
    await using first = await start(directory);
    const { broker, cursors, idempotency, memberships, presence, cluster } = first.backplane;
    ({ epoch } = await broker.append(sent, "k1"));
    await idempotency.complete("k1", '{"state":"stored"}');
    await broker.append(message("user:bob"));
    await cursors.move("bob", "phone", "user:bob", { offset: 1 });
    for (const user of ["bob", "alice", "carol"]) await memberships.add("chess", user);
    await memberships.remove("chess", "alice");
    await presence.block("eve", 60_000);
    await cluster.adjust("limits", '{"messagesPerUser":"1-S"}');
  }

  await using second = await start(directory);
  const { broker, cursors, memberships, presence, rooms } = second.backplane;

  expect(second.sink.adjustments).toEqual([{ name: "limits", value: '{"messagesPerUser":"1-S"}' }]);
  const page = await broker.history("user:bob", { after: 0, limit: 9 });
  expect(page).toMatchObject({ epoch, first: 1, last: 2 });
  expect(page.messages[0]).toEqual({ ...sent, offset: 1, epoch });
  expect(await cursors.read("bob", "phone", ["user:bob"])).toEqual([{ epoch, offset: 1 }]);
  expect(await broker.append(message("user:bob"), "k1")).toMatchObject({
    ...{ id: sent.id, offset: 1, epoch, duplicate: true, receipt: '{"state":"stored"}' },
  });
  expect(await memberships.membersOf("chess")).toEqual(["bob", "carol"]);
  expect(await rooms.page("chess", { of: "durable", after: 0, limit: 1 })).toMatchObject({
    durable: 2,
    members: [{ user: "bob" }],
  });
  const eve = { id: "c", user: "eve", platform: "web", device: "web", node: "n1", connectedAt: 1 };
  const rules = { maxPerUser: 0, perUserPolicy: "reject", onePerPlatform: false } as const;
  expect(await presence.arrive(eve, rules)).toMatchObject({ admitted: false });
  expect(await broker.append(message("user:bob"))).toMatchObject({ epoch, offset: 3 });
});

test("a second backplane on one directory is refused with its name, and the first goes on", async () => {
  const directory = await newDirectory();
  await using first = await start(directory);

  await expect(start(directory)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining(`another process uses ${directory}`),
  });
  expect(await first.backplane.broker.append(message("all"))).toMatchObject({ offset: 1 });
});

test("a file of a newer version is refused, and stays as it is", async () => {
  const directory = await newDirectory();
  await (await start(directory)).backplane.stop();
  change(directory, "INSERT INTO migrations (version, at) VALUES (99, 0)");

  await expect(start(directory)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringMatching(/tidings\.db has version 99, and this version of Tidings knows up to \d/),
  });
  change(directory, "DELETE FROM migrations WHERE version = 99");
  await (await start(directory)).backplane.stop();
});

test("a database of another program is refused, and stays as it is", async () => {
  const directory = await newDirectory();
  change(directory, "CREATE TABLE recipes (name TEXT)");

  await expect(start(directory)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("is a database of another program"),
  });
});

test("a damaged file is refused with its directory, and what it is", async () => {
  const directory = await newDirectory();
  await writeFile(join(directory, "tidings.db"), "this is no database, but text of some length".repeat(99));

  await expect(start(directory)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/cannot use the directory .*: the file is damaged, or is no database/),
  });
});

test("damage that shows later fails the call alone, and clients are not told the path", async () => {
  const directory = await newDirectory();
  {
    await using first = await start(directory);
    const appended = upTo(2_000).map(() =>
      first.backplane.broker.append(message("all", { body: `"${"x".repeat(500)}"` })),
    );
    await Promise.all(appended);
  }
  await truncate(join(directory, "tidings.db"), 100_000);

  const outcome = await start(directory)
    .then(
      ({ backplane }) => backplane.broker.history("all", { limit: 999 }).finally(() => backplane.stop()),
      (error: unknown) => Promise.reject(error),
    )
    .catch((error: unknown) => error);

  expect(outcome).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("the file is damaged"),
  });
});

test("a directory that cannot be made is refused with its name", async () => {
  const directory = await newDirectory();
  await writeFile(join(directory, "file"), "");

  await expect(start(join(directory, "file", "data"))).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining(join(directory, "file", "data")),
  });
});

test("a directory in which no file can be made is refused with its name", async () => {
  const directory = await newDirectory();
  await mkdir(join(directory, "tidings.db"));

  await expect(start(directory)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining(`cannot use the directory ${directory}: the file cannot be opened`),
  });
});

test.each(["normal", "full"] as const)(
  "after a crash of the system histories have another epoch, unless each commit was on the disk: %s",
  async (sync) => {
    const directory = await newDirectory();
    let former = "";
    {
      await using first = await start(directory, { sync });
      ({ epoch: former } = await first.backplane.broker.append(message("user:bob")));
      await first.backplane.broker.append(message("user:bob"));
      await first.backplane.cursors.move("bob", "phone", "user:bob", { offset: 1 });
    }
    // The end of a run of the system that did not close the file.
    change(directory, "INSERT OR REPLACE INTO meta (name, value) VALUES ('boot', 'another run')");

    await using second = await start(directory);
    const { broker, cursors } = second.backplane;

    const { epoch, messages, lost = false } = await broker.history("user:bob", { after: 0, limit: 9 });
    expect({ isSame: epoch === former, lost }).toEqual(
      sync === "full" ? { isSame: true, lost: false } : { isSame: false, lost: true },
    );
    expect(messages.map(({ offset }) => offset)).toEqual([1, 2]);
    // The device is told by the former epoch.
    expect(await cursors.read("bob", "phone", ["user:bob"])).toEqual([{ epoch: former, offset: 1 }]);
  },
);

test("messages beyond count leave the file in steps, and the end of an empty history stays known", async () => {
  const directory = await newDirectory();
  let now = Date.now();
  const options = { history: { count: 10, ageMs: 1_000 }, now: () => now };
  {
    await using first = await start(directory, options);
    await Promise.all(upTo(500).map(() => first.backplane.broker.append(message("all", { timestamp: now }))));
    using db = new DatabaseSync(join(directory, "tidings.db"), { readOnly: true });
    expect(Number(db.prepare("SELECT count(*) AS rows FROM messages").get()?.rows)).toBeLessThan(
      10 + 2 * 128,
    );
    now += 5_000;
    expect(await first.backplane.broker.history("all", { limit: 9 })).toMatchObject({
      first: 501,
      last: 500,
    });
  }
  await using second = await start(directory, options);
  expect(await second.backplane.broker.append(message("all", { timestamp: now }))).toMatchObject({
    offset: 501,
  });
});

test("a file that is removed or replaced under the server is told, and told as restored when it is back", async () => {
  const directory = await newDirectory();
  await using started = await start(directory);
  const { backplane } = started;
  const path = join(directory, "tidings.db");
  const aside = join(directory, "aside.db");
  const told = async () => {
    await backplane.probe();
    return backplane.health.degraded.map(({ what }) => what);
  };
  expect(await told()).toEqual([]);
  await rename(path, aside);
  expect(await told()).toEqual(["lost data"]);
  await writeFile(path, "");
  expect(await told()).toEqual(["lost data"]);
  await backplane.broker.append(message("user:bob")); // the server goes on
  await rename(aside, path);
  expect(await told()).toEqual([]);
});
