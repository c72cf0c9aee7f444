import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { connect } from "../../src/client/client.ts";
import { createHub, defineApi, type HookEvents } from "../../src/index.ts";
import { connectPeer, isMessage } from "../support/peer.ts";

const api = defineApi({
  events: {
    shipped: z.object({ order: z.int(), note: z.string().default("none") }),
    slow: z.string().refine(async (text) => text !== "bad", "expected something good"),
    typing: z.undefined(),
  },
  actions: {
    "order.ship": { input: z.object({ order: z.int() }), reply: z.object({ state: z.string() }) },
    "order.count": { reply: z.number() },
    "order.slow": { input: z.string().refine(async (text) => text !== "bad", "expected something good") },
    "order.any": {},
  },
});

async function start() {
  const hub = createHub({ api, logLevel: "silent", shutdown: { drainMs: 100 } });
  const { port } = await hub.listen({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => hub.close());
  const url = (user: string): string => `ws://127.0.0.1:${port}/ws?user_id=${user}`;
  const connected = async (user: string) => {
    const client = connect<typeof api>(url(user));
    onTestFinished(() => client.close());
    await client.ready;
    return client;
  };
  return { hub, url, connected, http: `http://127.0.0.1:${port}` };
}

describe("createHub({ api })", () => {
  it("hands a handler the output of the input's schema, and a client the output of the reply's", async () => {
    const { hub, connected } = await start();
    hub.action("order.ship", async ({ user }, { order }) => {
      const receipt = await hub.user(user).send({ type: "shipped", data: { order } });
      return { ...receipt, secret: "s" }; // the schema of the reply lets `state` through only
    });
    const client = await connected("alice");
    const shipped = new Promise((resolve) => client.on("shipped", ({ data }) => resolve(data)));
    expect(await client.request("order.ship", { order: 7 })).toEqual({ state: "delivered" });
    expect(await shipped).toEqual({ order: 7, note: "none" });
  });

  it.each([
    ["order.ship", { order: "7" }, /^order: .*expected int|^order: .*expected number/],
    ["order.ship", undefined, /expected object/],
    ["order.count", { order: 7 }, /expected no data/],
    ["order.slow", "bad", /expected something good/],
  ])("refuses a request %s with %j", async (action, data, message) => {
    const { hub, url } = await start();
    hub.action("order.ship", () => ({ state: "never" }));
    hub.action("order.count", () => 0);
    hub.action("order.slow", () => 0);
    const peer = await connectPeer(url("alice"));
    const { error } = await peer.request(action, data);
    expect(error).toEqual({ code: "bad_request", message: expect.stringMatching(message) });
  });

  it("answers a reply that is not as declared with `internal`, and tells the application which part", async () => {
    const { hub, url } = await start();
    const failed = new Promise<HookEvents["error"]>((resolve) => hub.on("error", resolve));
    hub.action("order.count", () => "1" as unknown as number);
    const peer = await connectPeer(url("alice"));
    const { error } = await peer.request("order.count");
    expect(error).toMatchObject({ code: "internal" });
    expect(String((await failed).error)).toMatch(/action order\.count: .*expected number/);
  });

  it("refuses messages of clients that are not declared, or whose data is not", async () => {
    const { url } = await start();
    const peer = await connectPeer(url("alice"));
    const refusalOf = async (message: object) => {
      peer.send({ id: 1, ...message });
      return (await peer.next(({ id }) => id === 1)).error;
    };
    expect(await refusalOf({ type: "shiped", data: {} })).toEqual({
      code: "bad_request",
      message: 'type: "shiped" is not declared in the api, expected one of shipped, slow, typing',
    });
    const other = await connectPeer(url("bob"));
    other.send({ id: 2, type: "shipped", data: { order: "7" } });
    expect((await other.next(({ id }) => id === 2)).error).toMatchObject({
      message: expect.stringMatching(/^data\.order: /),
    });
    other.send({ id: 3, type: "typing", data: 1 });
    expect((await other.next(({ id }) => id === 3)).error).toMatchObject({ code: "bad_request" });
    other.send({ id: 4, type: "typing", to: "bob" });
    expect((await other.next(({ id }) => id === 4)).data).toMatchObject({ state: "delivered" });
  });

  it("keeps the order of a client's messages with an asynchronous schema", async () => {
    const { url } = await start();
    const peer = await connectPeer(url("alice"));
    for (const data of ["1", "bad", "2"]) peer.send({ type: "slow", to: "alice", data });
    peer.send({ type: "shipped", to: "alice", data: { order: 3 } });
    await peer.next(({ type }) => type === "shipped");
    expect(peer.frames.filter(isMessage).map(({ type, data }) => [type, data])).toEqual([
      ["slow", "1"],
      ["slow", "2"],
      ["shipped", { order: 3, note: "none" }],
    ]);
    expect(peer.frames.filter(({ error }) => error)).toHaveLength(1);
  });

  it("checks what a message hook puts in the place of data", async () => {
    const { hub, url } = await start();
    const seen: unknown[] = [];
    hub.on("message", ({ message }) => {
      seen.push(message.data);
      return { data: { order: "x" } };
    });
    const peer = await connectPeer(url("alice"));
    peer.send({ id: 1, type: "shipped", data: { order: 1 } });
    expect((await peer.next(({ id }) => id === 1)).error).toMatchObject({ code: "bad_request" });
    expect(seen).toEqual([{ order: 1, note: "none" }]);
  });

  it("checks what the application sends: by code, by HTTP, in a batch", async () => {
    const { hub, http } = await start();
    const bad = { type: "shipped", data: { order: "7" } } as unknown as { type: "typing" };
    await expect(hub.user("a").send(bad)).rejects.toMatchObject({ code: "bad_request" });
    await expect(hub.users(["a"]).send(bad)).rejects.toMatchObject({ code: "bad_request" });
    await expect(hub.broadcast(bad)).rejects.toThrow("data.order");
    expect(await hub.batch([{ op: "send", to: "a", ...bad }])).toMatchObject([
      { error: { code: "bad_request" } },
    ]);
    const answer = await fetch(`${http}/ws/message`, {
      method: "POST",
      body: JSON.stringify({ to: "a", ...bad }),
    });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: "bad_request" } }]);
    expect(await hub.user("a").send({ type: "slow", data: "good" })).toMatchObject({ state: "stored" });
  });

  it("knows only the declared actions, and each by the schema of the declaration", async () => {
    const { hub } = await start();
    const untyped = hub as unknown as { action(...given: unknown[]): void };
    expect(() => untyped.action("order.shp", () => 0)).toThrow(
      'action: "order.shp" is not declared in the api, expected one of order.ship, order.count, order.slow, order.any',
    );
    expect(() => untyped.action("order.any", z.string(), () => 0)).toThrow("expected no schema");
    expect(() => untyped.action("order.count", 1)).toThrow("expected a handler");
  });
});

describe("defineApi", () => {
  it.each([
    [{ events: { ping: z.string() } }, 'type: "ping"'],
    [{ events: { chat: { text: "string" } } }, "events.chat: expected a Standard Schema"],
    [{ actions: { ship: { input: z.string() } } }, 'actions: "ship": expected "module.action"'],
    [{ actions: { "order.ship": z.string() } }, "expected { input: schema }"],
    [{ actions: { "order.ship": { input: 1 } } }, "actions: order.ship.input: expected a Standard Schema"],
    [{ actions: { "order.ship": { output: z.string() } } }, 'expected only input and reply, got "output"'],
    [{ event: {} }, 'expected only events and actions, got "event"'],
    [undefined, "expected an object"],
  ])("refuses %j", (declared, message) => {
    expect(() => defineApi(declared as never)).toThrow(message);
    if (declared !== undefined) expect(() => createHub({ api: declared as never })).toThrow(message);
  });

  it("takes any Standard Schema", async () => {
    const even = {
      "~standard": {
        version: 1,
        vendor: "own",
        validate: (value: unknown) =>
          Number(value) % 2 === 0
            ? { value: Number(value) }
            : { issues: [{ message: "expected an even number" }] },
      },
    } as const;
    const hub = createHub({ api: defineApi({ events: { even } }), logLevel: "silent" });
    onTestFinished(() => hub.close());
    await expect(hub.broadcast({ type: "even", data: 2 })).resolves.toMatchObject({ state: "stored" });
    await expect(hub.broadcast({ type: "even", data: 1 })).rejects.toThrow("data: expected an even number");
  });
});
