import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { callWith } from "../chat/scene.ts";
import { Peer } from "../support/peer.ts";
import { end, serve, tidings } from "./run.ts";

const SECRET = "a secret of the tests, 32 bytes!";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "tidings-cli-chat-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

it("serve has a chat in development mode, whose tokens log in beside user ids", async () => {
  const server = await serve([], { DATA_DIR: directory() });
  onTestFinished(() => end(server).then(() => undefined));
  const { body } = await callWith(server.url, undefined, "register", {
    user: "alice",
    password: "correct horse",
  });
  const peer = await Peer.connect(`${server.socketUrl}?token=${body.token}&platform=web`);
  onTestFinished(() => peer.end());
  expect(await peer.frame("welcome")).toMatchObject({ user: "alice" });
  expect((await peer.request("chat.create", { name: "friends" })).data).toMatchObject({
    name: "friends",
    members: 1,
  });
  const other = await Peer.connect(`${server.socketUrl}?user_id=bob&platform=web`);
  onTestFinished(() => other.end());
  // Plain messages stay as they were without a chat.
  other.send({ type: "hello", to: "alice", data: 1 });
  expect(await peer.frame("hello")).toMatchObject({ from: "bob" });
  const refused = await other.request("message.history", { channel: "group:none" });
  expect(refused.error).toMatchObject({
    code: "forbidden",
    message: expect.stringContaining("policy.history"),
  });
});

it("serve has none with a secret, unless --chat; chat admin names its administrators", async () => {
  const data = directory();
  const without = await serve([], { JWT_SECRET: SECRET });
  expect((await callWith(without.url, undefined, "register", {})).status).toBe(404);
  await end(without);
  const server = await serve(["--chat"], { JWT_SECRET: SECRET, DATA_DIR: data });
  onTestFinished(() => end(server).then(() => undefined));
  const missing = await tidings(["chat", "admin", "alice"], { DATA_DIR: data });
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no user alice") });
  const account = { user: "alice", password: "correct horse" };
  const { body } = await callWith(server.url, undefined, "register", account);
  const edit = { name: "news", announce: "everyone" };
  expect((await callWith(server.url, body.token, "create", edit)).status).toBe(403);
  const named = await tidings(["chat", "admin", "alice", "--json"], { DATA_DIR: data });
  expect(named).toMatchObject({ code: 0, stdout: '{"user":"alice","admin":true}\n' });
  expect((await callWith(server.url, body.token, "create", edit)).status).toBe(200);
});

it("a chat on nodes with redis needs PostgreSQL, and a secret", async () => {
  const redis = { REDIS_URL: "redis://127.0.0.1:1" };
  const noDatabase = await tidings(["serve", "--chat"], { ...redis, JWT_SECRET: SECRET, DATA_DIR: "" });
  expect(noDatabase).toMatchObject({ code: 1, stderr: expect.stringContaining("CHAT_DATABASE") });
  const noSecret = await tidings(["serve", "--chat"], { ...redis, DATA_DIR: "" });
  expect(noSecret).toMatchObject({ code: 1, stderr: expect.stringContaining("JWT_SECRET") });
});
