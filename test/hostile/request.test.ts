import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer, isMessage, type Peer } from "../support/peer.ts";

let running: RunningHub;
let mallory: Peer;
let bob: Peer;
/** Unexpected errors of the server. */
let failures: unknown[];

beforeEach(async () => {
  running = await startHub({ timeouts: { handlerMs: 1_000, hookMs: 1_000 } });
  failures = [];
  running.hub.on("error", ({ error }) => failures.push(error));
  mallory = await connectPeer(running.url({ user_id: "mallory" }));
  bob = await connectPeer(running.url({ user_id: "bob" }));
});

describe("an acknowledgement", () => {
  it("of another user's message is forbidden, and the sender's wait goes on", async () => {
    await running.hub.user("bob").send({ type: "n" });
    const sent = running.hub.user("bob").send({ type: "n", ack: true, timeoutMs: 60_000 });
    await bob.take(2, isMessage);
    for (const channel of ["user:bob", "group:g"]) {
      const reply = await mallory.request("message.ack", { channel, offset: 2 });
      expect(reply).toMatchObject({ error: { code: "forbidden" } });
    }
    expect(await mallory.request("message.ack", { offset: 2 })).toMatchObject({
      error: { code: "bad_request" },
    });
    let isDone = false;
    void sent.then(() => {
      isDone = true;
    });
    await mallory.caughtUp();
    expect(isDone).toBe(false);
    await bob.request("message.ack", { offset: 2 });
    expect(await sent).toMatchObject({ state: "acked", offset: 2 });
  });

  it.each([
    { offset: 1e300 },
    { offset: 2 ** 53 },
    { offset: -1 },
    { offset: 0.5 },
    { offset: "1" },
    {},
    null,
    [],
    1,
    "x",
  ])("of an offset that never was is refused: %j", async (data) => {
    expect(await bob.request("message.ack", data)).toMatchObject({ error: { code: "bad_request" } });
    expect(failures).toEqual([]);
  });
});

describe("a request", () => {
  it("for an unknown action of any name is answered", async () => {
    for (const action of [
      "nobody.home",
      ".",
      "a",
      "x".repeat(10_000),
      "\u0000",
      "message",
      "message.sendx",
    ]) {
      expect(await mallory.request(action)).toMatchObject({ error: { code: "unknown_action" } });
    }
  });

  it.each([
    ["group.join", {}],
    ["group.join", { group: "" }],
    ["group.join", { group: 1 }],
    ["group.join", { group: "g", position: { epoch: 1, offset: 1 } }],
    ["group.leave", { group: null }],
    ["group.members", undefined],
    ["message.history", { limit: 1e9 }],
    ["message.history", { before: 0 }],
    ["message.history", { channel: "user:" }],
    ["message.history", { channel: "bob" }],
    ["message.resume", { channel: "all", epoch: "e", offset: -1 }],
    ["message.resume", { channel: "all", epoch: null, offset: 1 }],
    ["message.send", null],
    ["message.send", []],
    ["message.send", { type: "n", to: 1 }],
    ["presence.get", { users: "bob" }],
    ["presence.get", { users: Array.from({ length: 1_001 }, (_, n) => `u${n}`) }],
    ["presence.watch", {}],
    ["presence.watch", { all: false }],
    ["robot.login", { resume: { somewhere: { epoch: "e", offset: 1 } }, user_id: "mallory" }],
    ["robot.login", null],
  ])("with bad data is answered with bad_request: %s %j", async (action, data) => {
    expect(await mallory.request(action, data)).toMatchObject({ error: { code: "bad_request" } });
    expect(failures).toEqual([]);
  });

  it("with a hundred thousand mistakes gets a short answer", async () => {
    const answer = await mallory.request("presence.get", { users: new Array(100_000).fill(0) });
    expect(answer).toMatchObject({ error: { code: "bad_request" } });
    expect(JSON.stringify(answer).length).toBeLessThan(1_000);
  });

  it("cannot make the connection another user's", async () => {
    const reply = await mallory.request("robot.login", { user_id: "bob" });
    expect(reply).toMatchObject({ error: { code: "forbidden" } });
    mallory.send({ type: "n", to: "bob" });
    expect(await bob.next(isMessage)).toMatchObject({ from: "mallory" });
  });

  it("resumes from invalid positions at a valid one", async () => {
    await running.hub.broadcast({ type: "n" });
    for (const offset of [2, 1_000_000, Number.MAX_SAFE_INTEGER]) {
      const reply = await mallory.request("message.resume", { channel: "all", epoch: "no such", offset });
      expect(reply).toMatchObject({ data: { recovered: false, offset: 0 } });
    }
    expect(
      await mallory.request("message.resume", { channel: "user:bob", epoch: "e", offset: 0 }),
    ).toMatchObject({ error: { code: "forbidden" } });
  });
});

describe("a handler", () => {
  const anything = z.unknown();

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("a secret detail");
      },
    ],
    [
      "throws nothing",
      () => {
        throw undefined;
      },
    ],
    [
      "throws text",
      () => {
        throw "a secret detail";
      },
    ],
    ["rejects", () => Promise.reject(new Error("a secret detail"))],
    ["returns what is no JSON", () => ({ big: 1n })],
    [
      "returns a circle",
      () => {
        const circle: unknown[] = [];
        circle.push(circle);
        return circle;
      },
    ],
  ])("that %s answers its caller with internal, without details", async (_what, handler) => {
    running.hub.action("test.fail", anything, handler);
    const reply = await mallory.request("test.fail");
    expect(reply).toMatchObject({ error: { code: "internal" } });
    expect(JSON.stringify(reply)).not.toContain("secret");
    expect(failures).toHaveLength(1);
    await mallory.caughtUp();
  });

  it("that never returns times out, and delays no other request", async () => {
    running.hub.action("test.hang", anything, () => new Promise(() => undefined));
    const hanging = mallory.request("test.hang");
    await mallory.caughtUp();
    await bob.caughtUp();
    expect(await hanging).toMatchObject({ error: { code: "timeout" } });
  });

  it("of a hook that throws or hangs refuses its message, and keeps the order", async () => {
    running.hub.on("message", ({ message }) => {
      if (message.data === "throw") throw new Error("a bug");
      return message.data === "hang" ? new Promise(() => undefined) : undefined;
    });
    for (const [id, data] of ["throw", 1, "hang", 2].entries())
      mallory.send({ id, type: "n", to: "bob", data });
    expect((await bob.take(2, isMessage)).map(({ data }) => data)).toEqual([1, 2]);
    expect(await mallory.next(({ id }) => id === 0)).toMatchObject({ error: { code: "internal" } });
    expect(await mallory.next(({ id }) => id === 2)).toMatchObject({ error: { code: "timeout" } });
  });

  it("of a policy that throws or hangs refuses its request only", async () => {
    running.hub.authorize(({ user, verb }) => {
      if (user === "bob") return true;
      if (verb === "join") throw new Error("a bug");
      return new Promise(() => undefined);
    });
    expect(await mallory.request("group.join", { group: "g" })).toMatchObject({
      error: { code: "internal" },
    });
    mallory.send({ id: 1, type: "n", to: "bob" });
    expect(await mallory.next(({ id }) => id === 1)).toMatchObject({ error: { code: "timeout" } });
    bob.send({ id: 1, type: "n", to: "bob" });
    await bob.next(isMessage);
  });
});
