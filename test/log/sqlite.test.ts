import { statSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createHub } from "../../src/index.ts";
import { type MessageSink, sinkOf } from "../../src/log/log.ts";
import { end, serve, tidings } from "../cli/run.ts";
import { eventually } from "../support/eventually.ts";
import { storedOf } from "./support.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tidings-message-log-"));
});
afterAll(() => rm(directory, { recursive: true }));

const failureOf = async (messageLog: string): Promise<string> => {
  const hub = createHub({ messageLog, logLevel: "silent" });
  const failure = await hub.ready.then(
    () => "none",
    (error: Error) => error.message,
  );
  await hub.close();
  return failure;
};

it("a file that is no database, or of a newer version, fails the start with its name", async () => {
  const text = join(directory, "text.db");
  await writeFile(
    text,
    "no database, but a text that is long enough to have a header of one hundred bytes".repeat(20),
  );
  expect(await failureOf(`sqlite:${text}`)).toContain(
    `${text}: message log: the file ${text} failed: file is not a database`,
  );
  const newer = join(directory, "newer.db");
  await sinkOf(`sqlite:${newer}`).open?.();
  const database = new DatabaseSync(newer);
  database.exec("UPDATE tidings_log_version SET version = 99");
  database.close();
  expect(await failureOf(`sqlite:${newer}`)).toContain(
    "it has version 99 of the message log, and this release knows 1",
  );
});

it("a search goes on while another process writes, and the log outlives kill -9", async () => {
  const file = join(directory, "shared.db");
  const server = await serve([], { MESSAGE_LOG: `sqlite:${file}` });
  const post = { method: "POST", headers: { "content-type": "application/json" } };
  const body = JSON.stringify({ to: "bob", type: "chat", data: "before" });
  await fetch(`${server.url}/ws/message`, { ...post, body });
  const reader = sinkOf(`sqlite:${file}`);
  await eventually(
    "the message is logged",
    async () => (await reader.search?.({ limit: 1 }))?.messages.length === 1,
  );
  await end(server); // SIGKILL
  await reader.write([storedOf("m2", { timestamp: Date.now() + 1_000 })], () => undefined);
  const page = await reader.search?.({ limit: 10, to: "bob" });
  expect(page?.messages.map(({ data }) => data)).toEqual(['"Hello"', '"before"']);
  await reader.close?.();
});

it("a file that is moved away or removed is followed by a new one, and what was moved is complete", async () => {
  const [path, moved] = [join(directory, "rotated.db"), join(directory, "rotated.db.1")];
  const sink = sinkOf(`sqlite:${path}`);
  const idsIn = async (from: MessageSink) =>
    (await from.search?.({ limit: 10 }))?.messages.map(({ id }) => id);
  const write = (id: string) => sink.write([storedOf(id)], () => undefined);
  await sink.open?.();
  await write("m1");
  expect(await idsIn(sink)).toEqual(["m1"]);
  await rename(path, moved);
  await write("m2");
  expect(await idsIn(sink)).toEqual(["m2"]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const old = sinkOf(`sqlite:${moved}`);
  await old.open?.();
  expect(await idsIn(old)).toEqual(["m1"]);
  await rm(path);
  expect(await idsIn(sink)).toEqual(["m2"]); // nothing is in its place yet
  await write("m3");
  expect(await idsIn(sink)).toEqual(["m3"]);
  await Promise.all([sink.close?.(), old.close?.()]);
});

it("tidings search finds messages, and no warning of node:sqlite is on the terminal", async () => {
  const server = await serve([], { MESSAGE_LOG: `sqlite:${join(directory, "cli.db")}` });
  const env = { TIDINGS_URL: server.url };
  const post = { method: "POST", headers: { "content-type": "application/json" } };
  for (const data of ["Привет", "two", "three"]) {
    const body = JSON.stringify({ to: "bob", from: "alice", type: "chat", data });
    await fetch(`${server.url}/ws/message`, { ...post, body });
  }
  await eventually("all are logged", async () =>
    (await tidings(["search", "--to", "bob"], env)).stdout.includes("three"),
  );
  const found = await tidings(["search", "--text", "привет", "--user", "alice", "--since", "1h"], env);
  expect(found.stdout).toMatch(/^\S+ {2}#1 {2}chat {2}alice → bob {2}"Привет" {2}\(stored\)\n$/);
  const first = await tidings(["search", "--limit", "2", "--json"], env);
  const { messages, cursor } = JSON.parse(first.stdout) as { messages: { data: string }[]; cursor: string };
  expect(messages.map(({ data }) => data)).toEqual(["three", "two"]);
  const second = await tidings(["search", "--limit", "2", "--cursor", cursor], env);
  expect(second.stdout.trim().split("\n")).toHaveLength(1);
  const wrong = await tidings(["search", "--since", "yesterday"], env);
  expect(wrong.stderr).toContain("Expected a date such as 2026-01-31T12:00Z");
  server.signal("SIGTERM");
  const { stderr } = await server.ended;
  expect(stderr).not.toMatch(/ExperimentalWarning|SQLite is an experimental/);
});

it("standard output has a line of JSON for each record, beside the lines of the logger", async () => {
  const server = await serve(["--log-level", "info"], { MESSAGE_LOG: "stdout" });
  const post = { method: "POST", headers: { "content-type": "application/json" } };
  const body = '{"to":"bob","type":"chat","data":{"n":738529527931269425,"text":"\\n"}}';
  await fetch(`${server.url}/ws/message`, { ...post, body });
  const line = await server.prints((each) => each.includes('"messageLog"'));
  expect(line).toContain('"data":{"n":738529527931269425,"text":"\\n"}');
  expect(JSON.parse(line)).toMatchObject({
    messageLog: "stored",
    channel: "user:bob",
    type: "chat",
    state: "stored",
  });
  await end(server);
});
