import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Receipt } from "../../src/index.ts";
import { run } from "../package/build.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { REPOSITORY } from "../support/repository.ts";
import { needs } from "../support/tools.ts";
import { Program } from "./program.ts";
import { startProxy } from "./proxy.ts";

needs("python3");

const CLIENT = join(REPOSITORY, "examples/python/client.py");

describe("examples/python/client.py", () => {
  const environment = mkdtempSync(join(tmpdir(), "tidings-python-"));
  const python = join(environment, "bin/python");

  beforeAll(async () => {
    await run("python3", ["-m", "venv", environment]);
    await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "websockets"]);
  });

  afterAll(() => rmSync(environment, { recursive: true }));

  const start = async (url: string, user: string): Promise<Program> => {
    const client = new Program(python, [CLIENT, url, user]);
    await client.prints(`connected as ${user}`);
    return client;
  };

  it("sends to a user and learns that it was acknowledged", async () => {
    const { url } = await startHub();
    const bob = await start(url(), "bob");
    const alice = await start(url(), "alice");
    alice.type("bob Hello");
    await bob.prints("alice: Hello");
    await alice.prints("* acked");
  });

  it("gets messages that were stored while the user was offline", async () => {
    const { hub, url } = await startHub();
    await hub.user("bob").send({ type: "chat", data: { text: "from the application" } });
    const bob = await start(url(), "bob");
    await bob.prints("the application: from the application");
  });

  it("joins a group, speaks in it, and leaves it", async () => {
    const { url } = await startHub();
    const bob = await start(url(), "bob");
    const alice = await start(url(), "alice");
    for (const client of [alice, bob]) {
      client.type("/join lobby");
      await client.prints("* joined lobby");
    }
    alice.type("#lobby Hello all");
    await bob.prints("alice in lobby: Hello all");
    alice.type("/leave lobby");
    await alice.prints("* left lobby");
    alice.type("#lobby Anybody there?");
    await alice.prints("forbidden: alice may not publish to group:lobby");
  });

  it("gets missed messages after a network failure, once and in order, in its groups too", async () => {
    const { hub, at } = await startHub();
    const proxy = await startProxy(at.port);
    const alice = await start(`ws://127.0.0.1:${proxy.port}/ws`, "alice");
    alice.type("/join lobby");
    await alice.prints("* joined lobby");
    const say = (text: string): Promise<unknown> =>
      Promise.all([
        hub.user("alice").send({ type: "chat", data: { text: `to me ${text}` } }),
        hub.group("lobby").send({ type: "chat", data: { text: `to all ${text}` } }),
      ]);
    await say("1");
    await alice.prints("to all 1");
    proxy.breakDown();
    await alice.prints("lost the connection");
    await say("2");
    await say("3");
    proxy.mend();
    await say("4");
    await alice.prints("to me 4");
    await alice.prints("to all 4");
    for (const audience of ["me", "all"]) {
      const texts = [...alice.output.matchAll(new RegExp(`to ${audience} (\\d)`, "g"))].map(
        ([, text]) => text,
      );
      expect(texts).toEqual(["1", "2", "3", "4"]);
    }
  });

  it("sends a message again when the connection broke before the receipt, and it is stored once", async () => {
    const { hub, at } = await startHub();
    const proxy = await startProxy(at.port);
    const alice = await start(`ws://127.0.0.1:${proxy.port}/ws`, "alice");
    alice.type("/join lobby");
    await alice.prints("* joined lobby");
    const stop = hub.on("message", () => {
      stop();
      proxy.cut();
    });
    alice.type("#lobby Hello");
    await alice.prints("lost the connection");
    await alice.prints("* delivered");
    const { messages } = await hub.history("group:lobby");
    expect(messages).toHaveLength(1);
  });

  it("asks for messages that a full send queue dropped", async () => {
    const { hub, url } = await startHub({ websocket: { messageBufferSize: 1 } });
    const alice = await start(url(), "alice");
    const say = (text: string): Promise<Receipt> => hub.user("alice").send({ type: "chat", data: { text } });
    const flood = Array.from({ length: 60 }, (_, number) =>
      say(`${"long ".repeat(40_000)}number ${number}.`),
    );
    const states = (await Promise.all(flood)).map(({ state }) => state);
    expect(states).toContain("dropped");
    // A dropped message is noticed when a later one arrives, one that finds room in the queue.
    await eventually(
      "a message finds room in the queue",
      async () => (await say("last")).state !== "dropped",
    );
    await alice.prints("last");
    const numbers = [...alice.output.matchAll(/number (\d+)\./g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(flood.map((_, number) => number));
  });

  it("does not reconnect after a kick", async () => {
    const { hub, url } = await startHub();
    const alice = await start(url(), "alice");
    await hub.user("alice").kick({ reason: "enough" });
    expect(await alice.ended).toBe(1);
    expect(alice.output).toContain("kicked: enough");
    expect(alice.output).toContain("4501");
  });
});
