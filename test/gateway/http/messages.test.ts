import { describe, expect, it } from "vitest";
import type { HistoryPage } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, joined } from "../../support/peer.ts";
import { call } from "./call.ts";

const failure = (code: string, message: unknown) => ({ error: { code, message } });

describe("POST /ws/message", () => {
  it("delivers to a user and answers with the receipt", async () => {
    const running = await startHub();
    const bob = await connectPeer(running.url({ user_id: "bob" }));
    const body = { to: "bob", type: "chat", data: { text: "Hello" }, from: "alice" };
    const { status, body: receipt } = await call(running, "/ws/message", { body });
    expect(status).toBe(200);
    expect(receipt).toMatchObject({ state: "delivered", offset: 1, connections: 1 });
    const push = await bob.next(({ type }) => type === "chat");
    expect(push).toMatchObject({ data: { text: "Hello" }, from: "alice", to: "bob", offset: 1 });
    expect(push.id).toBe(receipt.id);
  });

  it.each([
    [
      { url: "cat.png", size: 3 },
      { url: "cat.png", size: 3 },
    ],
    [{ dat: "typo" }, { dat: "typo" }],
    [{}, null],
  ])("takes the fields %j as the data when there is none", async (fields, data) => {
    const running = await startHub();
    const bob = await connectPeer(running.url({ user_id: "bob" }));
    await bob.request("group.join", { group: "g1" });
    await call(running, "/ws/message", { body: { to: "bob", type: "img", ...fields } });
    await call(running, "/groups/g1/send", { body: { type: "img", ...fields } });
    await call(running, "/ws/broadcast", { body: { type: "img", ...fields } });
    const pushes = await bob.take(3, ({ type }) => type === "img");
    expect(pushes.map((push) => push.data)).toEqual([data, data, data]);
  });

  it.each([
    [
      "/ws/message",
      { to: "bob", data: 1, url: "cat.png" },
      "url: no field of a message, expected it inside data",
    ],
    ["/groups/g1/send", { data: 1, dat: 2 }, "dat: no field of a message, expected it inside data"],
    ["/ws/broadcast", { data: 1, echo: false }, "echo: no field of a message, expected it inside data"],
    ["/ws/broadcast", { data: 1, x: 2 }, "x: no field of a message, expected it inside data"],
    ["/ws/broadcast", { to: "bob" }, "to: no field of a message to everyone"],
    ["/groups/g1/send", { to: "bob" }, "to: no field of a message to a group"],
  ])("%s refuses %j", async (path, fields, message) => {
    const running = await startHub();
    const { status, body } = await call(running, path, { body: { type: "img", ...fields } });
    expect([status, body]).toEqual([400, failure("bad_request", message)]);
  });

  it("delivers to a group", async () => {
    const running = await startHub();
    const bob = await connectPeer(running.url({ user_id: "bob" }));
    await bob.request("group.join", { group: "g1" });
    await call(running, "/ws/message", { body: { group: "g1", type: "chat", data: 1 } });
    expect(await bob.next(({ type }) => type === "chat")).toMatchObject({ group: "g1", data: 1 });
  });

  it("stores for an offline user, unless the message is ephemeral", async () => {
    const running = await startHub();
    const stored = await call(running, "/ws/message", { body: { to: "bob", type: "chat" } });
    expect(stored.body).toMatchObject({ state: "stored", offset: 1, connections: 0 });
    const ephemeral = await call(running, "/ws/message", {
      body: { to: "bob", type: "chat", ephemeral: true },
    });
    expect(ephemeral.body).toMatchObject({ state: "offline", connections: 0 });
    expect(ephemeral.body).not.toHaveProperty("offset");
  });

  it("sends once under one idempotency key, in the body or the header", async () => {
    const running = await startHub();
    const body = { to: "bob", type: "chat", data: 1 };
    const first = await call(running, "/ws/message", { body: { ...body, key: "k1" } });
    const repeat = await call(running, "/ws/message", { body, headers: { "Idempotency-Key": "k1" } });
    expect(repeat.body).toEqual({ ...first.body, duplicate: true });
    const other = await call(running, "/ws/message", { body, headers: { "Idempotency-Key": "k2" } });
    expect(other.body).toMatchObject({ offset: 2 });
  });

  it("keeps its idempotency keys apart from those of users", async () => {
    const running = await startHub();
    const alice = await connectPeer(running.url({ user_id: "alice" }));
    await alice.request("message.send", { to: "bob", type: "chat", key: "k1" });
    const { body } = await call(running, "/ws/message", { body: { to: "bob", type: "chat", key: "k1" } });
    expect(body).not.toHaveProperty("duplicate");
  });

  it("shares its idempotency keys with the library", async () => {
    const running = await startHub();
    const first = await running.hub.user("bob").send({ type: "chat", key: "k1" });
    const { body } = await call(running, "/ws/message", { body: { to: "bob", type: "chat", key: "k1" } });
    expect(body).toMatchObject({ id: first.id, duplicate: true });
  });

  it("waits for the acknowledgement when `ack` is set", async () => {
    const running = await startHub();
    const bob = await connectPeer(running.url({ user_id: "bob" }));
    const sent = call(running, "/ws/message", {
      body: { to: "bob", type: "chat", ack: true, timeoutMs: 60_000 },
    });
    const { offset } = await bob.next(({ type }) => type === "chat");
    await bob.request("message.ack", { offset });
    expect((await sent).body).toMatchObject({ state: "acked" });
  });

  it("answers stored when nobody acknowledges in time", async () => {
    const running = await startHub();
    const body = { to: "bob", type: "chat", ack: true, timeoutMs: 1 };
    expect((await call(running, "/ws/message", { body })).body).toMatchObject({ state: "stored" });
  });

  it("delivers only to `platforms`, and not to `except`", async () => {
    const running = await startHub();
    const [web, ios, other] = await Promise.all([
      connectPeer(running.url({ user_id: "bob", platform: "web" })),
      connectPeer(running.url({ user_id: "bob", platform: "ios" })),
      connectPeer(running.url({ user_id: "bob", platform: "ios" })),
    ]);
    const except = [other.frames[0]?.connection];
    const body = { to: "bob", type: "chat", platforms: ["ios"], except };
    expect((await call(running, "/ws/message", { body })).body).toMatchObject({ connections: 1 });
    await Promise.all([web.caughtUp(), other.caughtUp()]);
    await ios.next(({ type }) => type === "chat");
    expect([web.messages, other.messages]).toEqual([[], []]);
  });

  it.each([
    [{}, "type: expected string, received undefined"],
    [{ type: "chat" }, "expected either to (a user) or group"],
    [{ type: "chat", to: "bob", group: "g1" }, "expected either to (a user) or group"],
    [{ type: "chat", to: "" }, "to: expected 1–255 well-formed characters without control characters"],
    [{ type: "chat", to: 7 }, "to: expected string, received number"],
    [{ type: "", to: "bob" }, "type: expected 1–64 well-formed characters without control characters"],
    [{ type: "pong", to: "bob" }, 'type: "pong" is a name of the protocol\'s own'],
    [{ type: "chat", to: "bob", ephemeral: "yes" }, "ephemeral: expected boolean, received string"],
    [{ type: "chat", group: "g1", ack: true }, "ack: expected a stored message to one user"],
    [{ type: "chat", to: "bob", ack: true, timeoutMs: 60_001 }, expect.stringContaining("timeoutMs")],
    [{ type: 1, to: 2, key: "" }, expect.stringMatching(/type: .*; .*key: .*; .*to: /)],
  ])("refuses %j with a message", async (body, message) => {
    const running = await startHub();
    const answer = await call(running, "/ws/message", { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual(failure("bad_request", message));
  });

  it.each(["nonsense", "[]", "null", "7", '"x"', '{"type":'])("refuses the body %s", async (body) => {
    const running = await startHub();
    const answer = await call(running, "/ws/message", { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual(
      failure("bad_request", expect.stringContaining("body: expected a JSON object")),
    );
  });

  it("refuses data that is nested too deeply", async () => {
    const running = await startHub();
    const depth = 100_000;
    const body = `{"to":"bob","type":"chat","data":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    const answer = await call(running, "/ws/message", { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual(failure("bad_request", expect.stringContaining("nesting")));
  });

  it("refuses a body over the message limit, with or without Content-Length", async () => {
    const running = await startHub({ websocket: { maxMessageSize: 1_000 } });
    const body = JSON.stringify({ to: "bob", type: "chat", data: "x".repeat(1_000) });
    const announced = await call(running, "/ws/message", { body });
    const stream = new Blob([body]).stream();
    const chunked = await fetch(`${running.at.url}/ws/message`, {
      method: "POST",
      body: stream,
      duplex: "half",
    });
    expect([announced.status, chunked.status]).toEqual([413, 413]);
    expect(announced.body).toEqual(failure("too_large", "body: expected at most 1000 bytes"));
  });

  it("accepts a body without Content-Length", async () => {
    const running = await startHub();
    const body = new Blob([JSON.stringify({ to: "bob", type: "chat" })]).stream();
    const response = await fetch(`${running.at.url}/ws/message`, { method: "POST", body, duplex: "half" });
    expect(await response.json()).toMatchObject({ state: "stored" });
  });

  it("refuses invalid UTF-8", async () => {
    const running = await startHub();
    const body = Buffer.from('{"to":"bob","type":"\xff"}', "latin1");
    const response = await fetch(`${running.at.url}/ws/message`, { method: "POST", body });
    expect(response.status).toBe(400);
  });

  it("answers the next request after a body that was far too large", async () => {
    const running = await startHub();
    const large = await call(running, "/ws/message", { body: "x".repeat(4_000_000) });
    expect(large.status).toBe(413);
    expect((await call(running, "/stats")).status).toBe(200);
  });

  it("does not let a body pollute a prototype", async () => {
    const running = await startHub();
    const data = '{"to":"bob","type":"chat","data":{"__proto__":{"a":1}}}';
    const gathered = '{"to":"bob","type":"chat","__proto__":{"ephemeral":true,"a":1}}';
    for (const body of [data, gathered])
      expect((await call(running, "/ws/message", { body })).body).toMatchObject({ state: "stored" });
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });
});

describe("POST /ws/broadcast", () => {
  it("delivers to everyone", async () => {
    const running = await startHub();
    const peers = await Promise.all(["a", "b"].map((user) => connectPeer(running.url({ user_id: user }))));
    const { body } = await call(running, "/ws/broadcast", { body: { type: "news", data: "hi" } });
    expect(body).toMatchObject({ state: "delivered", connections: 2 });
    for (const peer of peers) {
      const push = await peer.next(({ type }) => type === "news");
      expect(push).toMatchObject({ data: "hi" });
      expect(push).not.toHaveProperty("to");
    }
  });
});

describe("POST /groups/:group/send", () => {
  it("delivers to the group in the path, whatever the body names", async () => {
    const running = await startHub();
    const bob = await connectPeer(running.url({ user_id: "bob" }));
    await bob.request("group.join", { group: "g 1/ü" });
    const path = `/groups/${encodeURIComponent("g 1/ü")}/send`;
    const { body } = await call(running, path, { body: { type: "chat", data: 1, group: "g2" } });
    expect(body).toMatchObject({ state: "delivered", connections: 1 });
    expect(await bob.next(({ type }) => type === "chat")).toMatchObject({ group: "g 1/ü" });
  });
});

describe("POST /send", () => {
  const multipart = (fields: Record<string, string>): FormData => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    return form;
  };
  const forms = {
    urlencoded: (fields: Record<string, string>) => new URLSearchParams(fields),
    multipart,
    JSON: (fields: Record<string, string>) => fields,
  };

  it.each(Object.entries(forms))("accepts a text for a user as %s", async (_name, form) => {
    const running = await startHub();
    const bob = await connectPeer(running.url({ user_id: "bob" }));
    const { status, body } = await call(running, "/send", {
      body: form({ uid: "bob", message: "Hi & bye" }),
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: "delivered", offset: 1 });
    expect(await bob.next(({ type }) => type === "message")).toMatchObject({ data: "Hi & bye", to: "bob" });
  });

  it.each([
    [{}, "uid is required"],
    [{ message: "hi" }, "uid is required"],
    [{ uid: "", message: "hi" }, "uid is required"],
    [{ uid: "bob" }, "message is required"],
    [
      { uid: "x".repeat(256), message: "hi" },
      "uid: expected 1–255 well-formed characters without control characters",
    ],
  ])("refuses %j with 400", async (fields, message) => {
    const running = await startHub();
    for (const form of Object.values(forms)) {
      const answer = await call(running, "/send", { body: form(fields as Record<string, string>) });
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual(failure("bad_request", message));
    }
  });

  it("reads the query, by POST only", async () => {
    const running = await startHub();
    const path = "/send?uid=bob&message=Hi%20there&ephemeral=0";
    expect((await call(running, path)).status).not.toBe(200); // an image tag must not send
    expect((await call(running, path, { method: "POST" })).body).toMatchObject({
      state: "stored",
      offset: 1,
    });
    const mixed = await call(running, "/send?uid=bob", { body: new URLSearchParams({ message: "" }) });
    expect(mixed.body).toMatchObject({ state: "stored", offset: 2 });
    const history = await call(running, "/history?channel=user:bob");
    expect(history.body.messages).toMatchObject([{ data: "Hi there" }, { data: "" }]);
  });

  it("refuses an empty post and a broken form", async () => {
    const running = await startHub();
    const empty = await call(running, "/send", { method: "POST" });
    expect(empty.body).toEqual(failure("bad_request", "uid is required"));
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    const broken = await call(running, "/send", { body: "nonsense", headers });
    expect(broken.status).toBe(400);
    expect(broken.body).toEqual(failure("bad_request", "body: expected a form"));
  });

  it("stores the message for an offline user", async () => {
    const running = await startHub();
    const answer = await call(running, "/send", { body: new URLSearchParams({ uid: "bob", message: "hi" }) });
    expect(answer.body).toMatchObject({ state: "stored", offset: 1 });
  });

  it("reports an offline user when the message was not stored", async () => {
    const running = await startHub();
    const body = new URLSearchParams({ uid: "bob", message: "hi", ephemeral: "1" });
    const answer = await call(running, "/send", { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual(failure("bad_request", "client not found: bob"));
  });

  it("delivers an ephemeral message to an online user", async () => {
    const running = await startHub();
    const bob = await connectPeer(running.url({ user_id: "bob" }));
    const body = new URLSearchParams({ uid: "bob", message: "hi", ephemeral: "true" });
    expect((await call(running, "/send", { body })).body).toMatchObject({ state: "delivered" });
    expect(await bob.next(({ type }) => type === "message")).not.toHaveProperty("offset");
  });
});

describe("GET /history", () => {
  it("pages back through a channel", async () => {
    const running = await startHub();
    for (const data of [1, 2, 3]) await running.hub.group("g1").send({ type: "chat", data });
    const newest = await call(running, "/history?channel=group:g1&limit=2");
    expect(newest.body).toMatchObject({ more: true, messages: [{ data: 2 }, { data: 3, offset: 3 }] });
    const older = await call(running, "/history?channel=group:g1&limit=2&before=2");
    expect(older.body).toMatchObject({ more: false, messages: [{ data: 1, group: "g1" }] });
    expect(older.body.epoch).toBe(newest.body.epoch);
  });

  it("reads what came since a time, page by page, as the code and clients do", async () => {
    const running = await startHub();
    const times: number[] = [];
    for (const data of [1, 2, 3, 4]) {
      times.push((await running.hub.group("g1").send({ type: "chat", data })).timestamp);
      await eventually("the clock goes on", () => Date.now() > (times.at(-1) ?? 0));
    }
    const [, second = 0, third = 0, last = 0] = times;
    const read = async (query: string): Promise<unknown> => {
      const { messages, more } = (await call(running, `/history?channel=group:g1&${query}`))
        .body as unknown as HistoryPage; // as the route answers
      return [messages.map(({ data }) => data), more];
    };
    expect(await read(`since=${second}`)).toEqual([[2, 3, 4], false]);
    expect(await read(`since=${second + 1}`)).toEqual([[3, 4], false]);
    expect(await read(`since=${second}&limit=2`)).toEqual([[3, 4], true]);
    expect(await read(`since=${second}&limit=2&before=3`)).toEqual([[2], false]);
    expect(await read(`since=${third}&before=3`)).toEqual([[], false]);
    expect(await read(`since=${last + 1}`)).toEqual([[], false]);
    expect(await read("since=0")).toEqual([[1, 2, 3, 4], false]);
    const query = { since: third };
    expect((await running.hub.group("g1").history(query)).messages).toMatchObject([{ data: 3 }, { data: 4 }]);
    const peer = await joined(await connectPeer(running.url({ user_id: "alice" })), "g1");
    const since = new Date(last).toISOString();
    const { data } = await peer.request("message.history", { channel: "group:g1", since });
    expect(data).toMatchObject({ messages: [{ data: 4 }], more: false });
  });

  it.each([
    ...["", "?channel=g1", "?channel=all&limit=0", "?channel=all&limit=201", "?channel=all&before=x"],
    "?channel=all&since=yesterday",
  ])("refuses the query %j", async (query) => {
    const running = await startHub();
    const { status, body } = await call(running, `/history${query}`);
    expect(status).toBe(400);
    expect(body).toEqual(
      failure("bad_request", expect.stringMatching(/^(channel|limit|before|since): expected/)),
    );
  });
});
