import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HubProcess, startHubProcess } from "../support/hub-process/hub-process.ts";
import { connectPeer } from "../support/peer.ts";
import { connectRaw, RawPeer } from "../support/raw.ts";
import { UNLIMITED } from "../support/unlimited.ts";
import { clientFrame, type FrameShape, OPCODE, textFrame } from "../support/wire.ts";

const MIB = 1_048_576;

/**
 * Close codes for a client that breaks the protocol, and those that it may have sent itself, which are sent back: all
 * below 3000 but 1011, an error in the hub. 1006: without a close frame.
 */
const CODES = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1012, 1013, 1014];

const names = fc.oneof(
  fc.constantFrom("bob", "g1", "", "__proto__", "constructor", "\0", "\ud800", "x".repeat(256)),
  fc.string({ unit: "binary", maxLength: 20 }),
);

const channels = fc.oneof(
  fc.constantFrom("all", "user:mallory", "user:bob", "group:g1", "group:", "user:"),
  names,
);

const numbers = fc.oneof(
  fc.nat(20),
  fc.integer(),
  fc.double(),
  fc.constantFrom(-1, 2 ** 53, 1e300, Number.MAX_SAFE_INTEGER),
);

const anything = fc.jsonValue({ maxDepth: 2 });

const actions = fc.oneof(
  fc.constantFrom(
    ...["robot.login", "robot.heartBeat", "robot.ping", "group.join", "group.leave", "group.members"],
    ...["message.send", "message.ack", "message.history", "message.resume", "presence.get", "presence.watch"],
    ...["__proto__", "robot.__proto__", "constructor", "", "."],
  ),
  names,
);

/** Fields of the protocol, mostly with a value of their type, sometimes with anything. */
const either = <Value>(likely: fc.Arbitrary<Value>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 4, arbitrary: likely as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: anything }); // only widens

const fields = {
  type: either(fc.constantFrom("chat", "n", "welcome", "ping", "position", "")),
  to: either(names),
  group: either(names),
  data: anything,
  from: anything,
  timestamp: anything,
  offset: either(numbers),
  epoch: either(names),
  ephemeral: either(fc.boolean()),
  ack: either(fc.boolean()),
  timeoutMs: either(numbers),
  key: either(names),
};

const requestData = fc.record(
  {
    ...fields,
    channel: either(channels),
    position: either(fc.record({ epoch: names, offset: numbers })),
    resume: either(fc.dictionary(channels, fc.record({ epoch: names, offset: numbers }))),
    users: either(fc.array(names)),
    all: either(fc.boolean()),
    user_id: either(names),
    token: anything,
    before: either(numbers),
    limit: either(numbers),
  },
  { requiredKeys: [] },
);

const objects = fc.oneof(
  fc.record(
    { id: either(numbers), action: either(actions), data: either(requestData) },
    { requiredKeys: [] },
  ),
  fc.record({ id: either(numbers), ...fields, url: anything }, { requiredKeys: [] }),
  fc.record({ Module: either(names), Action: either(names), Data: either(requestData), Id: anything }),
);

const PARTS = ["", "{", "}", "[", '"', "\\", "\\ud800", ":", ",", "0", "-", "e", "null", "\0", "\u{1f600}"];

/** Replaces a part of a text that the number determines. */
function mutate(text: string, seed: number): string {
  const start = seed % (text.length + 1);
  const part = PARTS[seed % PARTS.length] ?? "";
  return text.slice(0, start) + part + text.slice(start + (seed % 7));
}

const valid = objects.map((value) => JSON.stringify(value));

const texts = fc.oneof(
  { weight: 6, arbitrary: valid },
  { weight: 2, arbitrary: fc.tuple(valid, fc.nat()).map(([text, seed]) => mutate(text, seed)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: "binary" }).map((text) => text.toWellFormed()) },
);

const shapes: fc.Arbitrary<FrameShape> = fc.record(
  {
    payload: fc.oneof(fc.uint8Array({ maxLength: 200 }), texts),
    opcode: fc.oneof(
      { weight: 3, arbitrary: fc.constant(OPCODE.text) },
      { weight: 2, arbitrary: fc.nat(15) },
    ),
    fin: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.boolean() }),
    reserved: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(7) }),
    masked: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.boolean() }),
    claims: fc.oneof(fc.nat(300), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  },
  { requiredKeys: ["payload"] },
);

const wires = fc.oneof(
  { weight: 5, arbitrary: shapes.map(clientFrame) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
);

/** Expects no unexpected errors, bounded memory, and a well-behaved client that is served. */
async function expectHealthy(hub: HubProcess, before: number): Promise<void> {
  const peer = await connectPeer(hub.url({ user_id: "good" }));
  peer.send({ id: 1, type: "n", to: "good", data: "still here" });
  expect(await peer.next(({ data }) => data === "still here")).toMatchObject({ from: "good" });
  expect(await hub.failures()).toEqual([]);
  expect((await hub.memory()) - before).toBeLessThan(64 * MIB);
}

describe("a hub", () => {
  it("answers a hundred thousand random messages and keeps working", async () => {
    const hub = await startHubProcess({
      ...UNLIMITED,
      history: { totalBytes: 8 * MIB },
      publish: { ackTimeoutMs: 1 },
    });
    const before = await hub.memory();
    let peer = await connectRaw(hub.url({ user_id: "mallory" }));
    let sent = 0;
    // Generating a text takes longer than answering it, so each is sent in four variants.
    const run = async (made: readonly string[], seed: number): Promise<void> => {
      const batch = made.flatMap((text, n) => [
        text,
        ...[1, 2, 3].map((times) => mutate(text, seed + n * times)),
      ]);
      const id = 1_000_000_000 + sent;
      peer.write(
        ...batch.map((payload) => clientFrame({ payload })),
        textFrame({ id, action: "robot.ping" }),
      );
      sent += batch.length;
      await peer.until(() => peer.frames.at(-1)?.id === id || peer.frames.some((frame) => frame.id === id));
      for (const frame of peer.frames) {
        expect(["string", "undefined"]).toContain(typeof frame.type);
        expect(Object.keys(frame).length).toBeGreaterThan(0);
      }
      peer.frames.length = 0;
      peer.received.length = 0;
      if (sent % 10_000 > batch.length) return;
      // Reconnect now and then, so that the peer's frames can be collected.
      peer.socket.destroy();
      await peer.closed;
      peer = await connectRaw(hub.url({ user_id: "mallory" }));
    };
    const batches = fc.array(texts, { minLength: 250, maxLength: 250 });
    await fc.assert(fc.asyncProperty(batches, fc.nat(), run), { numRuns: 100, endOnFailure: true });
    expect(sent).toBeGreaterThanOrEqual(100_000);
    peer.socket.destroy();
    await expectHealthy(hub, before);
  });

  it("closes every stream of random frames, before and after the login", async () => {
    const hub = await startHubProcess({
      history: { totalBytes: 8 * MIB },
      websocket: { enableCompression: true },
    });
    const before = await hub.memory();
    const stream = fc.record({
      frames: fc.array(wires, { minLength: 1, maxLength: 40 }),
      loggedIn: fc.boolean(),
      deflate: fc.boolean(),
      cut: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(stream, async ({ frames, loggedIn, deflate, cut }) => {
        const headers: Record<string, string> = deflate
          ? { "Sec-WebSocket-Extensions": "permessage-deflate" }
          : {};
        const peer = new RawPeer(
          hub.url(loggedIn ? { user_id: "mallory" } : {}),
          headers,
          Buffer.concat(frames),
        );
        if (cut) peer.socket.end();
        else peer.write(clientFrame({ opcode: OPCODE.close }), Buffer.alloc(2_000, 0xff));
        const { code } = await peer.closed;
        expect(CODES.includes(code) || code >= 3000, `close code ${code}`).toBe(true);
      }),
      { numRuns: 1_500, endOnFailure: true },
    );
    await expectHealthy(hub, before);
  });
});
