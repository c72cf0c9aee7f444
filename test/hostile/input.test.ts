import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer, type Frame, isMessage, type Peer } from "../support/peer.ts";

let running: RunningHub;
let mallory: Peer;
let bob: Peer;
/** Failures that the server had not foreseen. */
let failures: unknown[];

beforeEach(async () => {
  running = await startHub({ timeouts: { handlerMs: 100, hookMs: 100 } });
  failures = [];
  running.hub.on("error", ({ error }) => failures.push(error));
  mallory = await connectPeer(running.url({ user_id: "mallory" }));
  bob = await connectPeer(running.url({ user_id: "bob" }));
});

/** The answer to input that has no id. */
const refusal = async (text: string): Promise<Frame> => {
  const before = mallory.frames.length;
  mallory.send(text);
  await mallory.settled();
  const [answer = {}] = mallory.frames.slice(before).filter(({ error }) => error);
  return answer;
};

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

describe("a text that is no request and no message", () => {
  it.each([
    "null",
    "[]",
    "1",
    '"x"',
    "true",
    "{}",
    "",
    " ",
    "{",
    '{"type"',
    "undefined",
    "\u0000",
    "[[{}]]",
    nested(100_000),
    `{"a":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`,
  ])("is answered with bad_request: %j", async (text) => {
    expect(await refusal(text)).toMatchObject({ error: { code: "bad_request" } });
    expect(failures).toEqual([]);
  });

  it.each([
    { type: 1 },
    { type: "" },
    { type: "x".repeat(65) },
    { type: "a\u0000" },
    { type: "welcome" },
    { type: "position", channel: "all", epoch: "e", offset: 9 },
    { type: "presence", user: "bob", online: false },
    { type: "pong" },
    { type: "n", to: 1 },
    { type: "n", to: "" },
    { type: "n", to: "x".repeat(129) },
    { type: "n", to: "bob\n" },
    { type: "n", to: ["bob"] },
    { type: "n", to: null },
    { type: "n", to: "bob", group: "g" },
    { type: "n", group: {} },
    { type: "n", ephemeral: "yes" },
    { type: "n", to: "bob", ack: 1 },
    { type: "n", to: "bob", ack: true, ephemeral: true },
    { type: "n", ack: true },
    { type: "n", to: "bob", ack: true, timeoutMs: 1e9 },
    { type: "n", to: "bob", ack: true, timeoutMs: -1 },
    { type: "n", to: "bob", key: "" },
    { type: "n", to: "bob", key: { a: 1 } },
    { action: "" },
    { action: 7 },
    { action: null },
    { action: {} },
    { Module: "robot" },
    { Module: "", Action: "" },
    { Module: { a: 1 }, Action: ["b"] },
  ])("is refused field by field: %j", async (fields) => {
    mallory.send({ id: 5, ...fields });
    const answer = await mallory.next(
      ({ id, error }) => id === 5 || (error !== undefined && id === undefined),
    );
    expect(answer).toMatchObject({ error: { code: "bad_request" } });
    await bob.settled();
    expect(bob.messages).toEqual([]);
    expect(failures).toEqual([]);
  });

  it.each([-1, 1.5, "7", null, {}, 1e300, 2 ** 53])("has no id that could be answered: %j", async (id) => {
    expect(await refusal(JSON.stringify({ id, action: "robot.ping" }))).toEqual({
      error: { code: "bad_request", message: expect.stringContaining("id") },
    });
  });
});

describe("data", () => {
  it("passes through 64 levels of nesting, and not through 65", async () => {
    mallory.send(`{"type":"n","to":"bob","data":${nested(64)}}`);
    expect(JSON.stringify(await bob.next(isMessage))).toContain(nested(64));
    expect(await refusal(`{"type":"n","to":"bob","data":${nested(65)}}`)).toMatchObject({
      error: { code: "bad_request", message: expect.stringContaining("nesting") },
    });
  });

  it("is judged alike when it comes by message.send", async () => {
    const send = (levels: number): Promise<Frame> =>
      mallory.request("message.send", { type: "n", to: "bob", data: JSON.parse(nested(levels)) });
    expect(await send(64)).toMatchObject({ data: { state: "delivered" } });
    expect(await send(65)).toMatchObject({ error: { code: "bad_request" } });
  });

  it("keeps prototype-polluting keys to itself", async () => {
    const data = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":1}';
    mallory.send(`{"type":"n","to":"bob","data":${data}}`);
    expect(JSON.stringify((await bob.next(isMessage)).data)).toBe(data);
    // Fields beside type are gathered into data, and so must these be.
    mallory.send(
      '{"type":"m","to":"bob","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    );
    const gathered = await bob.next((frame) => frame.type === "m");
    expect(JSON.stringify(gathered.data)).toBe(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined(); // nothing has this property
    expect(failures).toEqual([]);
  });

  it("may hold lone surrogates, which arrive as they were written", async () => {
    mallory.send('{"type":"n","to":"bob","data":"\\ud800 and \\udfff"}');
    expect((await bob.next(isMessage)).data).toBe("\ud800 and \udfff");
  });
});

describe("a prototype's field without own meaning", () => {
  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"])(
    "is no action, as a user, group, platform or device it is a name like any other: %s",
    async (name) => {
      for (const action of [name, `robot.${name}`, `${name}.${name}`]) {
        expect(await mallory.request(action)).toMatchObject({ error: { code: "unknown_action" } });
      }
      const peer = await connectPeer(running.url({ user_id: name, platform: name, device: name }));
      expect(await peer.request("group.join", { group: name })).toMatchObject({ data: { offset: 0 } });
      peer.send({ type: "n", group: name });
      peer.send({ type: "n", to: name });
      await peer.take(2, isMessage);
      expect(await peer.request("message.ack", { offset: 1 })).toMatchObject({ data: { offset: 1 } });
      expect(await peer.request("group.members", { group: name })).toMatchObject({
        data: { members: [{ user: name, online: true }] },
      });
      const { data } = await mallory.request("presence.watch", { users: [name] });
      expect(JSON.stringify(data)).toContain(`"${name}":["${name}"]`);
      const { epoch } = await running.hub.user(name).send({ type: "n" });
      await peer.close();
      const resume = `{"user:${name}":{"epoch":"${epoch}","offset":1},"group:${name}":{"epoch":"${epoch}","offset":0}}`;
      const again = await connectPeer(running.url({ user_id: name, device: name, resume }));
      expect(await again.take(2, isMessage)).toMatchObject([
        { to: name, offset: 2 },
        { group: name, offset: 1 },
      ]);
      expect(failures).toEqual([]);
    },
  );

  it("does not confuse the fields of a request", async () => {
    mallory.send('{"id":1,"action":"group.join","data":{"__proto__":{"group":"g"}}}');
    expect(await mallory.next(({ id }) => id === 1)).toMatchObject({ error: { code: "bad_request" } });
    mallory.send('{"__proto__":{"action":"robot.ping","id":2}}');
    expect(await mallory.next(({ id, error }) => id === undefined && error !== undefined)).toMatchObject({
      error: { code: "bad_request" },
    });
    mallory.send(
      '{"id":3,"action":"robot.login","data":{"user_id":"mallory","resume":{"__proto__":{"epoch":"e","offset":1}}}}',
    );
    await mallory.next(({ id }) => id === 3);
    expect(failures).toEqual([]);
  });
});

describe("a name with a lone surrogate", () => {
  it("is a name like any other, on every way that it takes", async () => {
    const name = "\ud800x";
    const text = '"\\ud800x"';
    mallory.send(`{"id":1,"action":"group.join","data":{"group":${text}}}`);
    expect(await mallory.next(({ id }) => id === 1)).toMatchObject({ data: { channel: `group:${name}` } });
    mallory.send(`{"id":2,"type":"n","group":${text}}`);
    expect(await mallory.next(isMessage)).toMatchObject({ group: name });
    mallory.send(`{"id":3,"type":"n","to":${text}}`);
    expect(await mallory.next(({ id }) => id === 3)).toMatchObject({ data: { state: "stored" } });
    mallory.send(`{"id":4,"action":${text}}`);
    expect(await mallory.next(({ id }) => id === 4)).toMatchObject({ error: { code: "unknown_action" } });
    expect(failures).toEqual([]);
  });
});

describe("a forged field", () => {
  it("never makes a client speak as another, at another time, at another place", async () => {
    const forged = { from: "alice", timestamp: 1, offset: 99, epoch: "e", id: 12 };
    mallory.send({ type: "n", to: "bob", data: 1, ...forged });
    mallory.send({ type: "n", to: "bob", ...forged });
    const { data } = await mallory.request("message.send", {
      type: "n",
      to: "bob",
      data: 3,
      ...forged,
      id: "x",
    });
    expect(data).toMatchObject({ offset: 3 });
    const [first, second, third] = await bob.take(3, isMessage);
    for (const frame of [first, second, third]) {
      expect(frame).toMatchObject({ from: "mallory", to: "bob", id: expect.stringMatching(/^[\w-]+-\w+$/) });
      expect(frame?.timestamp).toBeGreaterThan(1_700_000_000_000);
    }
    expect([first?.offset, second?.offset, third?.offset]).toEqual([1, 2, 3]);
    expect(second?.data).toEqual({ epoch: "e" });
  });
});

describe("an acknowledgement", () => {
  it("of someone else's message is forbidden, and its sender goes on waiting", async () => {
    await running.hub.user("bob").send({ type: "n" });
    const sent = running.hub.user("bob").send({ type: "n" }, { ack: true, timeoutMs: 60_000 });
    await bob.take(2, isMessage);
    for (const channel of ["user:bob", "group:g"]) {
      const reply = await mallory.request("message.ack", { channel, offset: 2 });
      expect(reply).toMatchObject({ error: { code: "forbidden" } });
    }
    expect(await mallory.request("message.ack", { offset: 2 })).toMatchObject({
      error: { code: "bad_request" },
    });
    let settled = false;
    void sent.then(() => {
      settled = true;
    });
    await mallory.settled();
    expect(settled).toBe(false);
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
  it("for an unknown action is answered, also when its name is absurd", async () => {
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

  it("with a hundred thousand mistakes is answered in a few words", async () => {
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

  it("resumes from absurd positions without an absurd answer", async () => {
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
  ])("that %s costs its caller an internal error without details", async (_what, handler) => {
    running.hub.action("test.fail", anything, handler);
    const reply = await mallory.request("test.fail");
    expect(reply).toMatchObject({ error: { code: "internal" } });
    expect(JSON.stringify(reply)).not.toContain("secret");
    expect(failures).toHaveLength(1);
    await mallory.settled();
  });

  it("that never returns is given up, and keeps nobody waiting", async () => {
    running.hub.action("test.hang", anything, () => new Promise(() => undefined));
    const hanging = mallory.request("test.hang");
    await mallory.settled();
    await bob.settled();
    expect(await hanging).toMatchObject({ error: { code: "timeout" } });
  });

  it("of a hook that throws or hangs costs the one message, in its place", async () => {
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

  it("of a policy that throws or hangs costs what was asked, and nothing else", async () => {
    running.hub.authorize((user, verb) => {
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
