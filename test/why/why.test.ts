import { describe, expect, it } from "vitest";
import { call } from "../gateway/http/call.ts";
import { startHub } from "../support/hub.ts";
import { API_KEY, SECRET } from "../support/keys.ts";
import { connectPeer } from "../support/peer.ts";

describe("the story of a message", () => {
  it("tells where it was published, who took it, and how far devices have acknowledged", async () => {
    const { hub, url } = await startHub({ node: { id: "n1" } });
    const bob = await connectPeer(url({ user_id: "bob", platform: "ios" }));
    const { id, offset, timestamp } = await hub.user("bob").send({ type: "n", from: "alice" });
    await bob.request("message.ack", { offset });
    const { user, message, connections, nodes } = await hub.why({ message: id });
    expect(user).toBe("bob");
    expect(message).toEqual({
      ...{ id, channel: "user:bob", from: "alice", timestamp, offset: 1, publisher: "n1" },
      nodes: [{ node: "n1", connections: 1, dropped: 0, receivers: 1 }],
      history: { state: "retained", first: 1, last: 1 },
      acknowledged: [{ user: "bob", device: "ios", offset: 1 }],
    });
    expect(connections).toMatchObject([
      {
        user: "bob",
        node: "n1",
        platform: "ios",
        address: "127.0.0.1",
        receives: ["user:bob"],
        stalledMs: 0,
      },
    ]);
    expect(nodes).toEqual([{ node: "n1", recording: true, since: timestamp }]);
  });

  it("tells of a group how many connections took it, and that nobody received it", async () => {
    const { hub, url } = await startHub();
    const alone = await hub.group("team").send({ type: "n" });
    const peers = [await connectPeer(url({ user_id: "bob" })), await connectPeer(url({ user_id: "carol" }))];
    for (const peer of peers) await peer.request("group.join", { group: "team" });
    const { id } = await hub.group("team").send({ type: "n", ephemeral: true });
    expect((await hub.why({ message: alone.id })).findings.map(({ code }) => code)).toEqual([
      "no_receiver",
      "stored",
    ]);
    const { findings, message } = await hub.why({ message: id });
    expect(findings.map(({ code }) => code)).toEqual(["delivered"]);
    expect(message?.nodes).toMatchObject([{ connections: 2, dropped: 0, receivers: 2 }]);
  });

  it("finds a stored message in the history of the group that is named, when no recorder has it", async () => {
    const { hub } = await startHub({ recorder: { messages: 0 } });
    const { id } = await hub.group("team").send({ type: "n" });
    const { findings, message } = await hub.why({ message: id, group: "team" });
    expect(message).toMatchObject({ id, channel: "group:team", offset: 1 });
    expect(findings.map(({ code }) => code)).toEqual(["stored", "not_recorded"]);
    expect((await hub.why({ message: id })).findings.map(({ code }) => code)).toEqual([
      "unknown_message",
      "not_recorded",
    ]);
  });
});

describe("the question about a user", () => {
  it("names a login that proved no user when nothing else explains the absence", async () => {
    const { hub, url } = await startHub({ jwt: { secret: SECRET } });
    const stranger = await connectPeer(url({ token: "no.such.token" })).catch(() => undefined);
    expect(stranger).toBeUndefined();
    const { findings } = await hub.why({ user: "bob" });
    expect(findings.map(({ code }) => code)).toEqual(["not_connected", "login_refused", "no_message"]);
    expect(JSON.stringify(findings)).not.toContain("no.such.token");
  });

  it("does not name a login that the limit of another user has refused", async () => {
    const { hub, url } = await startHub({ limits: { loginsPerUser: "1-H", whitelistCIDRs: [] } });
    await connectPeer(url({ user_id: "carol" }));
    expect(await connectPeer(url({ user_id: "carol" })).catch(() => undefined)).toBeUndefined();
    const codesOf = async (user: string) => (await hub.why({ user })).findings.map(({ code }) => code);
    expect(await codesOf("bob")).toEqual(["not_connected", "no_message"]);
    expect(await codesOf("carol")).not.toContain("not_connected");
  });

  it("knows present rights without a recorder", async () => {
    const { hub, url } = await startHub({ recorder: { messages: 0 }, policy: { join: "nobody" } });
    await connectPeer(url({ user_id: "bob" }));
    const { findings } = await hub.why({ user: "bob", group: "team" });
    expect(findings.map(({ code }) => code)).toEqual([
      "no_membership",
      "no_grant",
      "no_message",
      "not_recorded",
    ]);
  });

  it("tells of a user who is away that a stored message waits", async () => {
    const { hub, url } = await startHub();
    const bob = await connectPeer(url({ user_id: "bob" }));
    const ended = new Promise((resolve) => hub.on("disconnect", resolve));
    await bob.close();
    await ended;
    const { id } = await hub.user("bob").send({ type: "n" });
    const away = await hub.why({ message: id });
    expect(away.findings.map(({ code }) => code)).toEqual(["not_connected", "stored"]);
    expect(away.findings[0]?.text).toMatch(/the last connection ended .* before \(client_left\)/);
    await connectPeer(url({ user_id: "bob" }));
    const back = await hub.why({ message: id });
    expect(back.findings.map(({ code }) => code)).toEqual(["delivered", "not_connected"]);
  });

  it.each([
    [{}, "expected the id of a message, or a user"],
    [{ user: "" }, "user"],
    [{ user: "bob", group: "\n" }, "group"],
    [{ message: "x".repeat(256) }, "message"],
  ])("refuses %j", async (query, text) => {
    const { hub } = await startHub();
    await expect(hub.why(query)).rejects.toMatchObject({
      code: "bad_request",
      message: expect.stringContaining(text),
    });
  });
});

describe("GET /why", () => {
  it("answers operators with the scope admin only", async () => {
    const running = await startHub({
      apiKey: API_KEY,
      apiKeys: ["read:a key that may read"],
      jwt: { secret: SECRET },
    });
    const { id } = await running.hub.user("bob").send({ type: "n" });
    const read = await call(running, `/why?message=${id}`, {
      headers: { "x-api-key": "a key that may read" },
    });
    expect(read.status).toBe(403);
    const { status, body } = await call(running, `/why?message=${id}&user=bob`, {
      headers: { "x-api-key": API_KEY },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ user: "bob", findings: [{ code: "not_connected" }, { code: "stored" }] });
    expect((await call(running, "/why", { headers: { "x-api-key": API_KEY } })).status).toBe(400);
  });
});
