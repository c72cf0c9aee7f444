import { describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/client.ts";
import type { HookEvents } from "../../src/index.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";

const circle: { self?: unknown } = {};
circle.self = circle;

const LOSSES: [string, unknown, RegExp][] = [
  ["a BigInt", { n: 1n }, /data: expected a JSON value: .*BigInt/],
  ["a circle", circle, /data: expected a JSON value: .*circular/i],
  ["a Map", { list: [1, new Map([[1, 2]])] }, /data\.list\.1: expected a JSON value, got Map/],
  ["a Set", new Set([1]), /data: expected a JSON value, got Set/],
  ["a Blob", { file: new Blob(["x"]) }, /data\.file: expected a JSON value, got Blob/],
  ["a Uint8Array", { bytes: new Uint8Array(2) }, /data\.bytes: expected a JSON value, got Uint8Array/],
  ["a Buffer", { bytes: Buffer.from("x") }, /data\.bytes: expected a JSON value, got Uint8Array/],
  ["NaN", { n: Number.NaN }, /data\.n: expected a JSON value, got NaN/],
  ["Infinity", [Number.POSITIVE_INFINITY], /data\.0: expected a JSON value, got Infinity/],
  ["a function", () => 1, /data: expected a JSON value, got Function/],
  ["a symbol", { s: Symbol("s") }, /data\.s: expected a JSON value, got Symbol/],
  ["an Error", new Error("x"), /data: expected a JSON value, got Error/],
  ["a promise", { p: Promise.resolve(1) }, /data\.p: expected a JSON value, got Promise/],
];

class Point {
  x = 1;
}

describe("data that JSON would lose or change", () => {
  it.each(LOSSES)("is refused with words by every call that sends: %s", async (_what, data, words) => {
    const { hub } = await startHub();
    const refused = { code: "bad_request", message: expect.stringMatching(words) };
    await expect(hub.user("a").send({ type: "t", data })).rejects.toMatchObject(refused);
    await expect(hub.users(["a"]).send({ type: "t", data, ephemeral: true })).rejects.toMatchObject(refused);
    await expect(hub.broadcast({ type: "t", data })).rejects.toMatchObject(refused);
    expect(await hub.batch([{ op: "send", to: "a", type: "t", data }])).toEqual([{ error: refused }]);
    await expect(hub.user("a").kick({ notice: data })).rejects.toThrow(/^notice/);
  });

  it.each(LOSSES)("is refused by the SDK: %s", async (_what, data) => {
    const { url } = await startHub();
    const client = connect(url({ user_id: "a" }));
    onTestFinished(() => client.close());
    await client.ready;
    await expect(client.send({ type: "t", data })).rejects.toMatchObject({ code: "bad_request" });
    await expect(client.request("x.y", data)).rejects.toMatchObject({ code: "bad_request" });
  });

  it.each(LOSSES)(
    "in a reply is `internal` for the client, with words for the application: %s",
    async (_what, data, words) => {
      const { hub, url } = await startHub();
      const failed = new Promise<HookEvents["error"]>((resolve) => hub.on("error", resolve));
      hub.action("order.find", async () => data);
      const peer = await connectPeer(url({ user_id: "a" }));
      expect(await peer.request("order.find")).toMatchObject({ error: { code: "internal" } });
      const { source } = words;
      const error = String((await failed).error);
      expect(error).toMatch(new RegExp(`action order\\.find: ${source.replace(/^data/, "reply")}`, "i"));
    },
  );

  it.each([
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["an object of a class", new Point(), { x: 1 }],
    ["undefined inside", { a: undefined, b: 1 }, { b: 1 }],
    ["nothing", undefined, null],
    ["a boxed text", Object("x"), "x"],
    ["an object without prototype", Object.assign(Object.create(null), { a: [1] }), { a: [1] }],
  ])("is not %s", async (_what, data, received) => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url({ user_id: "a" }));
    await hub.user("a").send({ type: "t", data });
    expect((await peer.next(({ type }) => type === "t")).data).toEqual(received);
  });
});

it("the type * is refused, because it names all types in listeners", async () => {
  const { hub, url, at } = await startHub();
  const refused = { code: "bad_request", message: expect.stringContaining('"*"') };
  await expect(hub.broadcast({ type: "*" })).rejects.toMatchObject(refused);
  const peer = await connectPeer(url({ user_id: "a" }));
  peer.send({ id: 1, type: "*" });
  expect((await peer.next(({ id }) => id === 1)).error).toEqual(refused);
  const answer = await fetch(`${at.url}/ws/broadcast`, { method: "POST", body: '{"type":"*"}' });
  expect([answer.status, await answer.json()]).toEqual([400, { error: refused }]);
});
