import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { resolveConfig } from "../../src/index.ts";
import { ID_RULE } from "../../src/protocol/protocol.ts";
import { call } from "../gateway/http/call.ts";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer, Peer } from "../support/peer.ts";

/** Texts that are no names, each with its reason. */
const ILL_FORMED: [string, string][] = [
  ["a high surrogate alone", "x\ud800"],
  ["a high surrogate before a character", "\ud800x"],
  ["a low surrogate alone", "\udc00"],
  ["a pair the wrong way round", "\udc00\ud800"],
  ["U+FFFD, which decoders write for bytes that they cannot read", "x\ufffd"],
  ["a control character", "a\nb"],
  ["256 characters", "x".repeat(256)],
];

let running: RunningHub;
beforeEach(async () => {
  running = await startHub();
});

it.each(["x".repeat(255), "\u{1f600}".repeat(255), "a/b", "é", "\u{10ffff}"])("%s is an id", async (name) => {
  const peer = await connectPeer(running.url({ user_id: name, platform: name, device: name }));
  expect(await peer.request("group.join", { group: name })).toMatchObject({ data: { offset: 0 } });
  expect(await running.hub.presence.inGroup(name)).toEqual([name]);
});

describe.each(ILL_FORMED)("%s", (_, name) => {
  it("is refused in every name that a client sends", async () => {
    const peer = await connectPeer(running.url({ user_id: "mallory" }));
    const position = { epoch: "e", offset: 0 };
    const requests: [string, unknown][] = [
      ["group.join", { group: name }],
      ["group.leave", { group: name }],
      ["group.members", { group: name }],
      ["message.send", { type: name, to: "bob" }],
      ["message.send", { type: "n", to: name }],
      ["message.send", { type: "n", group: name }],
      ["message.send", { type: "n", to: "bob", key: name }],
      ["message.ack", { offset: 0, channel: `user:${name}` }],
      ["message.history", { channel: `group:${name}` }],
      ["message.resume", { channel: `group:${name}`, ...position }],
      ["presence.get", { users: [name] }],
      ["presence.get", { group: name }],
      ["presence.watch", { users: ["bob", name] }],
      ["robot.login", { user_id: name }],
      ["robot.login", { user_id: "mallory", platform: name }],
      ["robot.login", { user_id: "mallory", device: name }],
      ["robot.login", { user_id: "mallory", resume: { [`group:${name}`]: position } }],
    ];
    for (const [action, data] of requests) {
      expect(await peer.request(action, data), action).toMatchObject({ error: { code: "bad_request" } });
    }
    expect(await peer.request(`robot.${name}`)).toMatchObject({ error: { code: "unknown_action" } });
  });

  it("is refused in the first message", async () => {
    for (const data of [
      { user_id: name },
      { user_id: "a", platform: name },
      { user_id: "a", device: name },
    ]) {
      const peer = new Peer(running.url());
      peer.socket.on("open", () => peer.send({ id: 1, action: "robot.login", data }));
      expect((await peer.closed).code).toBe(4505);
    }
  });

  it("is refused in a path, a query and a body of the HTTP API", async () => {
    const path = encodeURIComponent(name.toWellFormed());
    const answers = [
      await call(running, `/users/${path}/connections`),
      await call(running, `/users/${path}/kick`, { body: {} }),
      await call(running, `/groups/${path}/members`),
      await call(running, `/groups/${path}/send`, { body: { type: "n" } }),
      await call(running, `/history?channel=user:${path}`),
      await call(running, "/ws/message", { body: { type: "n", to: name } }),
      await call(running, "/ws/message", { body: { type: "n", group: name } }),
      await call(running, "/ws/message", { body: { type: name, to: "bob" } }),
      await call(running, "/ws/message", { body: { type: "n", to: "bob", from: name } }),
      await call(running, "/ws/message", { body: { type: "n", to: "bob", key: name } }),
      await call(running, "/ws/message", { body: { type: "n", to: "bob", platforms: [name] } }),
      await call(running, "/ws/message", { body: { type: "n", to: "bob", except: [name] } }),
      await call(running, "/send", { body: new URLSearchParams({ uid: name, message: "hi" }) }),
      await call(running, "/send", { body: { uid: name, message: "hi" } }),
      await call(running, "/users/bob/kick", { body: { platform: name } }),
      await call(running, "/groups/g/members", { body: { user: name } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 400));
  });

  it("is refused by the calls of the hub", async () => {
    const { hub } = running;
    expect(() => hub.user(name)).toThrow(ID_RULE);
    expect(() => hub.users(["bob", name])).toThrow(ID_RULE);
    expect(() => hub.group(name)).toThrow(ID_RULE);
    expect(() => hub.everyone.except(name)).toThrow(ID_RULE);
    expect(() => hub.users(["bob"]).platforms(name)).toThrow(ID_RULE);
    expect(() => hub.action(`${name}.act`, z.unknown(), () => 1)).toThrow("module.action");
    const bob = hub.user("bob");
    for (const promise of [
      bob.send({ type: name }),
      bob.send({ type: "n", from: name }),
      bob.send({ type: "n", key: name }),
      hub.users(["bob"]).send({ type: "n", from: name }),
      hub.users(["bob"]).send({ type: "n", key: name }),
      bob.kick({ platform: name }),
      hub.group("g").add(name),
      hub.group("g").remove(name),
      hub.presence.connectionsOf(name),
      hub.presence.inGroup(name),
    ]) {
      await expect(promise).rejects.toMatchObject({ code: "bad_request" });
    }
    await expect(hub.history(`user:${name}`)).rejects.toThrow("channel: expected");
  });

  it("is refused in the configuration", () => {
    for (const code of [{ node: { id: name } }, { node: { pod: name } }]) {
      expect(() => resolveConfig({ code })).toThrow(ID_RULE);
    }
  });

  it("is refused from an authenticator of the application", async () => {
    const identities = [{ user: name }, { user: "alice", platform: name }];
    for (const identity of identities) {
      const { url } = await startHub({ auth: { mode: "token", authenticate: async () => identity } });
      expect((await new Peer(url({ token: "t" })).closed).code).toBe(4500);
      const peer = new Peer(url());
      peer.socket.on("open", () => peer.send({ id: 1, action: "robot.login", data: { token: "t" } }));
      expect((await peer.closed).code).toBe(4500);
    }
  });
});

describe("a URL with percent-encoded bytes that are no UTF-8", () => {
  it.each(["%ff", "%ED%A0%80", "x%", "%C3"])("is refused as a login: %s", async (bytes) => {
    for (const query of [`user_id=${bytes}`, `user_id=a&device=${bytes}`, `user_id=a&platform=${bytes}`]) {
      expect(await Peer.refusal(`${running.url()}${query}`)).toBe(400);
    }
  });

  it.each(["%ff", "%ED%A0%80", "x%", "%C3"])("is refused by the HTTP API: %s", async (bytes) => {
    for (const path of [`/users/${bytes}/connections`, `/history?channel=user:${bytes}`]) {
      const { status, body } = await call(running, path);
      expect(status).toBe(400);
      expect(body).toMatchObject({
        error: { message: "URL: expected percent-encoded UTF-8 (write % as %25)" },
      });
    }
  });
});

it("settings that no UTF-8 decodes to are refused", () => {
  const env = { REDIS_PREFIX: "a\ufffd:", JWT_SECRET: "\ufffd".repeat(40), JWT_ISSUER: "\ud800" };
  expect(() => resolveConfig({ env })).toThrow(/^3 settings are not valid/);
});
