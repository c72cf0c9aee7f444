import { describe, expect, it } from "vitest";
import { startHub } from "../../support/hub.ts";
import { connectPeer } from "../../support/peer.ts";
import { call } from "./call.ts";

describe("GET /users", () => {
  it("lists online users page by page", async () => {
    const running = await startHub();
    for (const user of ["a", "b", "c"]) await connectPeer(running.url({ user_id: user, platform: "ios" }));
    await connectPeer(running.url({ user_id: "a", platform: "web" }));
    const first = await call(running, "/users?limit=2");
    expect(first.body).toMatchObject({ count: 3, cursor: expect.any(String) });
    const second = await call(running, `/users?limit=2&cursor=${first.body.cursor}`);
    expect(second.body).not.toHaveProperty("cursor");
    expect([first, second].flatMap(({ body }) => body.users)).toEqual([
      { user: "a", connections: 2, platforms: ["ios", "web"] },
      { user: "b", connections: 1, platforms: ["ios"] },
      { user: "c", connections: 1, platforms: ["ios"] },
    ]);
  });

  it("refuses an unknown cursor", async () => {
    const running = await startHub();
    const { status, body } = await call(running, "/users?cursor=x");
    expect(status).toBe(400);
    expect(body).toMatchObject({
      error: { code: "bad_request", message: expect.stringContaining("cursor") },
    });
  });
});

describe("GET /users/:user/connections", () => {
  it("lists a user's connections, oldest first", async () => {
    const running = await startHub();
    const web = await connectPeer(running.url({ user_id: "bob", platform: "web" }));
    const ios = await connectPeer(running.url({ user_id: "bob", platform: "ios", device: "phone" }));
    const { body } = await call(running, "/users/bob/connections");
    const node = running.hub.node;
    const connectedAt = expect.any(Number);
    expect(body).toEqual({
      connections: [
        { id: web.frames[0]?.connection, platform: "web", device: "web", node, connectedAt },
        { id: ios.frames[0]?.connection, platform: "ios", device: "phone", node, connectedAt },
      ],
    });
  });

  it.each(["a/b", "50%", "100%41", "ü 👋", "a?b#c", "+"])("finds the user %j", async (user) => {
    const running = await startHub();
    await connectPeer(running.url({ user_id: user }));
    const name = encodeURIComponent(user);
    const { body } = await call(running, `/users/${name}/connections`);
    expect(body.connections).toHaveLength(1);
  });

  it("refuses an invalid id", async () => {
    const running = await startHub();
    const { status } = await call(running, `/users/${"x".repeat(256)}/connections`);
    expect(status).toBe(400);
  });
});

describe("POST /users/:user/kick", () => {
  it("closes every connection of the user with a notice and a final code", async () => {
    const running = await startHub();
    const peers = await Promise.all(
      ["web", "ios"].map((platform) => connectPeer(running.url({ user_id: "bob", platform }))),
    );
    const body = { reason: "be nice", notice: { rule: 3 } };
    const answer = await call(running, "/users/bob/kick", { body });
    expect(answer.body).toEqual({ connections: 2, unconfirmed: 0 });
    for (const peer of peers) {
      expect(await peer.closed).toEqual({ code: 4501, reason: "be nice" });
      expect(peer.frames.at(-1)).toEqual({
        event: "notice",
        code: "kicked",
        message: "be nice",
        data: { rule: 3 },
      });
    }
  });

  it("needs no body, and may be limited to one platform", async () => {
    const running = await startHub();
    const web = await connectPeer(running.url({ user_id: "bob", platform: "web" }));
    const ios = await connectPeer(running.url({ user_id: "bob", platform: "ios" }));
    const one = await call(running, "/users/bob/kick", { body: { platform: "ios" } });
    expect(one.body).toEqual({ connections: 1, unconfirmed: 0 });
    expect((await ios.closed).code).toBe(4501);
    const rest = await call(running, "/users/bob/kick", { method: "POST" });
    expect(rest.body).toEqual({ connections: 1, unconfirmed: 0 });
    expect((await web.closed).code).toBe(4501);
    expect((await call(running, "/users/bob/kick", { method: "POST" })).body).toEqual({
      connections: 0,
      unconfirmed: 0,
    });
  });
});

describe("/groups/:group/members", () => {
  it("has pages, counts, and what members carry", async () => {
    const running = await startHub();
    for (const user_id of ["ada", "bea"]) {
      const peer = await connectPeer(running.url({ user_id }));
      await peer.request("group.join", { group: "g1", data: user_id.length });
    }
    await call(running, "/groups/g1/members", { body: { user: "cia" } });
    const data = { user: "ada", data: { mood: "good" } };
    expect((await call(running, "/groups/g1/data", { body: data })).body).toEqual({ joined: true });
    expect(
      (await call(running, "/groups/data", { body: { group: "g1", user: "cia", data: 1 } })).body,
    ).toEqual({
      joined: false,
    });
    expect((await call(running, "/groups/g1/data", { body: { user: "ada" } })).status).toBe(400);

    const counts = { online: 2, durable: 1 };
    const first = (await call(running, "/groups/g1/members?limit=1")).body;
    expect(first).toEqual({
      members: [{ user: "ada", online: true, durable: false, data: { mood: "good" } }],
      ...counts,
      cursor: expect.any(String),
    });
    const rest = (await call(running, `/groups/g1/members?cursor=${first.cursor}`)).body;
    expect((rest.members as { user: string }[]).map(({ user }) => user)).toEqual(["bea", "cia"]); // shape by /openapi.json
    expect(rest.cursor).toBeUndefined();
    expect((await call(running, "/groups/g1/count")).body).toEqual(counts);
    expect((await call(running, "/groups/g1/members?cursor=x")).status).toBe(400);
  });

  it("adds, lists and removes durable members", async () => {
    const running = await startHub();
    const bob = await connectPeer(running.url({ user_id: "bob" }));
    const added = await call(running, "/groups/g1/members", { body: { user: "bob" } });
    expect(added.body).toEqual({ connections: 1, unconfirmed: 0 });
    expect((await call(running, "/groups/g1/join", { body: { user: "carol" } })).body).toEqual({
      connections: 0,
      unconfirmed: 0,
    });
    expect((await call(running, "/groups/g1/members")).body).toEqual({
      members: [
        { user: "bob", online: true, durable: true },
        { user: "carol", online: false, durable: true },
      ],
      online: 1,
      durable: 2,
    });
    await call(running, "/groups/g1/send", { body: { type: "chat", data: 1 } });
    await bob.next(({ type }) => type === "chat");
    const removed = await call(running, "/groups/g1/members/bob", { method: "DELETE" });
    expect(removed.body).toEqual({ connections: 1, unconfirmed: 0 });
    expect((await call(running, "/groups/g1/leave", { body: { user: "carol" } })).body).toEqual({
      connections: 0,
      unconfirmed: 0,
    });
    expect((await call(running, "/groups/g1/members")).body).toEqual({ members: [], online: 0, durable: 0 });
    const sent = await call(running, "/groups/g1/send", { body: { type: "chat", data: 2 } });
    expect(sent.body).toMatchObject({ connections: 0 });
  });

  it("replays missed messages to a member who was offline", async () => {
    const running = await startHub();
    await call(running, "/groups/g1/members", { body: { user: "bob" } });
    await call(running, "/groups/g1/send", { body: { type: "chat", data: "missed" } });
    const bob = await connectPeer(running.url({ user_id: "bob" }));
    expect(await bob.next(({ type }) => type === "chat")).toMatchObject({ data: "missed", group: "g1" });
  });

  it("requires a user", async () => {
    const running = await startHub();
    const { status, body } = await call(running, "/groups/g1/members", { body: {} });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { message: "user: expected string, received undefined" } });
  });
});
