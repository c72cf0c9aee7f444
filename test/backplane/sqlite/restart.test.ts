import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, expect, test } from "vitest";
import { tidings } from "../../cli/run.ts";
import { Observed } from "../../client/harness.ts";
import { eventually } from "../../support/eventually.ts";
import { NodeProcess } from "../../support/nodes/process.ts";
import { upTo } from "../contract/harness.ts";
import { newDirectory, removeDirectories } from "./harness.ts";

afterAll(removeDirectories);

const COUNT = 250;

/** The offset that the file has for a device of bob. */
function cursorOf(directory: string, device: string): unknown {
  const db = new DatabaseSync(join(directory, "tidings.db"), { readOnly: true });
  const row = db.prepare("SELECT offset FROM cursors WHERE user = 'bob' AND device = ?").get(device);
  db.close();
  return row?.offset;
}

const bobOn = (node: NodeProcess, device: string): Observed =>
  new Observed(node.url, { user: "bob", device, storage: false });

test.each([
  ["SIGTERM", (node: NodeProcess) => node.stop()],
  ["kill -9", (node: NodeProcess) => node.kill()],
])(
  "messages to an offline user outlive a restart by %s: once, in order, on each device, and not what was acknowledged",
  async (_, end) => {
    const directory = await newDirectory();
    await using node = await NodeProcess.start("n1", { DATA_DIR: directory });
    {
      await using alice = new Observed(node.url, { user: "alice", queueLimit: COUNT });
      await alice.client.ready;
      await Promise.all(upTo(COUNT).map((data) => alice.client.send({ type: "chat", to: "bob", data })));
    }

    await end(node);
    await node.restart();

    {
      await using phone = bobOn(node, "phone");
      await phone.until(() => phone.received.length >= COUNT);
      expect(phone.received).toEqual(upTo(COUNT));
      await eventually("the cursor of the phone is kept", () => cursorOf(directory, "phone") === COUNT);
    }
    await end(node);
    await node.restart();

    await using tablet = bobOn(node, "tablet");
    await using phone = bobOn(node, "phone");
    await Promise.all([tablet.client.ready, phone.client.ready]);
    await tablet.client.send({ type: "chat", to: "bob", data: "last" });
    await tablet.until(() => tablet.received.includes("last"));
    await phone.until(() => phone.received.includes("last"));
    expect(tablet.received).toEqual([...upTo(COUNT), "last"]);
    expect(phone.received).toEqual(["last"]);
  },
);

test("a client that stays goes on over kill -9 of its server: nothing is missing, nothing comes twice", async () => {
  const directory = await newDirectory();
  await using node = await NodeProcess.start("n1", { DATA_DIR: directory });
  await using bob = bobOn(node, "phone");
  await using alice = new Observed(node.url, { user: "alice" });
  await Promise.all([bob.client.ready, alice.client.ready]);
  await alice.client.send({ type: "chat", to: "bob", data: 1 });
  await bob.until(() => bob.received.length === 1);

  await node.kill();
  await node.restart();
  await alice.status("open", 2);
  await alice.client.send({ type: "chat", to: "bob", data: 2 });
  await bob.until(() => bob.received.includes(2));

  expect(bob.received).toEqual([1, 2]);
  expect(bob.all("lost")).toEqual([]);
});

test("a second server on the directory ends with an error that names it, and prints nothing else", async () => {
  const directory = await newDirectory();
  await using node = await NodeProcess.start("n1", { DATA_DIR: directory });

  const second = await tidings(["serve", "--port", "0", "--log-level", "silent"], { DATA_DIR: directory });

  expect(second).toMatchObject({ code: 1, stdout: "" });
  expect(second.stderr).toMatch(/^error: data: another process uses \/.*several nodes need redis\n$/);
  expect((await node.get("/health")).status).toBe(200);
  expect(node.output).not.toContain("Warning");
});

test("without a setting a server keeps its data in ./data, and --no-data keeps them in memory", async () => {
  const config = async (...args: string[]) => {
    const { stdout } = await tidings(["config", "--json", ...args], { DATA_DIR: "" });
    const { config, sources } = JSON.parse(stdout);
    return [config.data, sources.data];
  };
  expect(await config()).toEqual(["./data", "default of tidings serve"]);
  expect(await config("--no-data")).toEqual([false, "flag --data"]);
  expect((await config("--redis", "redis://127.0.0.1"))[0]).toBeUndefined();
});

test("export, import and check work on the directory of the server", async () => {
  const [directory, other] = [await newDirectory(), await newDirectory()];
  await using node = await NodeProcess.start("n1", { DATA_DIR: directory });
  await node.post("/ws/message", { to: "bob", type: "chat", data: "Hello" });
  const file = join(other, "export.jsonl");

  expect(await tidings(["export", "--data", directory, "--to", file])).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
  expect(existsSync(file)).toBe(true);
  const imported = await tidings(["import", "--from", file, "--data", join(other, "data")]);
  expect(imported).toMatchObject({ code: 0, stdout: expect.stringContaining("2 lines imported into ") });
  const checked = await tidings(["check", "--data", join(other, "data"), "--json"]);
  expect(JSON.parse(checked.stdout)).toMatchObject({ channels: 1, messages: 1, problems: [] });
  expect(await tidings(["import", "--from", file, "--data", directory])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("another process uses"),
  });
});
