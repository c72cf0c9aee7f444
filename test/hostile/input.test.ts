import { beforeEach, describe, expect, it } from "vitest";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer, type Frame, isMessage, type Peer } from "../support/peer.ts";

let running: RunningHub;
let mallory: Peer;
let bob: Peer;
/** Unexpected errors of the server. */
let failures: unknown[];

beforeEach(async () => {
  running = await startHub();
  failures = [];
  running.hub.on("error", ({ error }) => failures.push(error));
  mallory = await connectPeer(running.url({ user_id: "mallory" }));
  bob = await connectPeer(running.url({ user_id: "bob" }));
});

/** Answer to input without an id. */
const refusal = async (text: string): Promise<Frame> => {
  const before = mallory.frames.length;
  mallory.send(text);
  await mallory.caughtUp();
  const [answer = {}] = mallory.frames.slice(before).filter(({ error }) => error);
  return answer;
};

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

describe("a text that is neither request nor message", () => {
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
    { event: "welcome" },
    { event: "position", channel: "all", epoch: "e", offset: 9 },
    { event: "presence", user: "bob", online: false },
    { type: "pong" },
    { type: "n", to: 1 },
    { type: "n", to: "" },
    { type: "n", to: "x".repeat(256) },
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
    await bob.caughtUp();
    expect(bob.messages).toEqual([]);
    expect(failures).toEqual([]);
  });

  it.each([-1, 1.5, "", "7".repeat(129), null, {}, 1e300, 2 ** 53])(
    "is answered without an id: %j",
    async (id) => {
      expect(await refusal(JSON.stringify({ id, action: "robot.ping" }))).toEqual({
        error: { code: "bad_request", message: expect.stringContaining("id") },
      });
    },
  );
});

describe("data", () => {
  it("is accepted with 64 levels of nesting, and refused with 65", async () => {
    mallory.send(`{"type":"n","to":"bob","data":${nested(64)}}`);
    expect(JSON.stringify(await bob.next(isMessage))).toContain(nested(64));
    expect(await refusal(`{"type":"n","to":"bob","data":${nested(65)}}`)).toMatchObject({
      error: { code: "bad_request", message: expect.stringContaining("nesting") },
    });
  });

  it("has these limits in message.send too", async () => {
    const send = (levels: number): Promise<Frame> =>
      mallory.request("message.send", { type: "n", to: "bob", data: JSON.parse(nested(levels)) });
    expect(await send(64)).toMatchObject({ data: { state: "delivered" } });
    expect(await send(65)).toMatchObject({ error: { code: "bad_request" } });
  });

  it("does not pollute a prototype", async () => {
    const data = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":1}';
    mallory.send(`{"type":"n","to":"bob","data":${data}}`);
    expect(JSON.stringify((await bob.next(isMessage)).data)).toBe(data);
    // Fields beside `type` become data, these too.
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

  it("may contain lone surrogates, which arrive unchanged", async () => {
    mallory.send('{"type":"n","to":"bob","data":"\\ud800 and \\udfff"}');
    expect((await bob.next(isMessage)).data).toBe("\ud800 and \udfff");
  });
});

describe("the name of a field of Object.prototype", () => {
  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"])(
    "is an unknown action, and a valid id of a user, group, platform or device: %s",
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

  it("is ignored as a field of a request", async () => {
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

describe("a forged field", () => {
  it("never changes the sender, time or channel of a message", async () => {
    const forged = { from: "alice", timestamp: 1, offset: 99, id: 12 };
    mallory.send({ type: "n", to: "bob", data: 1, ...forged });
    mallory.send({ type: "n", to: "bob", ...forged, epoch: "e" });
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
