import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { API_KEY } from "../../support/keys.ts";
import { connectPeer } from "../../support/peer.ts";
import { call } from "./call.ts";

/** Names that a path changes or ends: dot segments, separators, escapes. */
const NAMES = ["..", ".", "a/../b", "a/b", "?", "#", "%2e%2e", "a b", "ü", "kick"];

describe.each(NAMES)("a user and a group with the name %s", (name) => {
  const inQuery = (path: string, fields: Record<string, string>): string =>
    `${path}?${new URLSearchParams(fields)}`;

  it("are named in the query or the body of every route with a name in its path", async () => {
    const running = await startHub();
    const peer = await connectPeer(running.url({ user_id: name }));
    const connected = await call(running, inQuery("/users/connections", { user: name }));
    expect(connected.body).toMatchObject({ connections: [{ platform: "web" }] });

    const both = { group: name, user: name };
    const members = async (): Promise<unknown> =>
      (await call(running, inQuery("/groups/members", { group: name }))).body.members;
    for (const [join, leave] of [
      ["/groups/members", "/groups/leave"],
      ["/groups/join", "/groups/leave"],
    ] as const) {
      expect((await call(running, join, { body: both })).body).toEqual({ connections: 1, unconfirmed: 0 });
      expect(await members()).toEqual([{ user: name, online: true, durable: true }]);
      expect((await call(running, leave, { body: both })).body).toEqual({ connections: 1, unconfirmed: 0 });
      expect(await members()).toEqual([]);
    }
    await call(running, inQuery("/groups/join", { group: name }), { body: { user: name } });
    const sent = await call(running, inQuery("/groups/send", { group: name }), { body: { type: "n" } });
    expect(sent.body).toMatchObject({ state: "delivered", offset: 1 });
    await peer.next(({ group }) => group === name);
    await call(running, inQuery("/groups/members", both), { method: "DELETE" });
    expect(await members()).toEqual([]);

    expect((await call(running, "/users/kick", { body: { user: name } })).body).toEqual({
      connections: 1,
      unconfirmed: 0,
    });
    expect((await peer.closed).code).toBe(4501);
    await eventually("the user has gone", async () => {
      const { body } = await call(running, inQuery("/users/connections", { user: name }));
      return (body.connections as unknown[]).length === 0;
    });
  });
});

describe("a route whose name is in query or body", () => {
  it.each([
    ["POST", "/users/kick", "user"],
    ["GET", "/users/connections", "user"],
    ["GET", "/groups/members", "group"],
    ["POST", "/groups/send", "group"],
    ["DELETE", "/groups/members", "group"],
  ])("says what is missing: %s %s", async (method, path, field) => {
    const { status, body } = await call(await startHub(), path, { method });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { message: expect.stringContaining(`${field}:`) } });
  });

  it("takes the name of the path where there is one", async () => {
    const running = await startHub();
    const alice = await connectPeer(running.url({ user_id: "alice" }));
    await connectPeer(running.url({ user_id: "bob" }));
    await call(running, "/users/alice/kick?user=bob", { body: { user: "bob" } });
    expect((await alice.closed).code).toBe(4501);
    const { body } = await call(running, "/users/connections?user=bob");
    expect(body.connections).toHaveLength(1);
  });

  it("needs the key like the other form", async () => {
    const running = await startHub({ apiKey: API_KEY });
    expect((await call(running, "/users/kick", { body: { user: "bob" } })).status).toBe(401);
  });
});
