import { afterAll, beforeAll, expect, test } from "vitest";
import type { HubOptions } from "../../src/index.ts";
import { call } from "../gateway/http/call.ts";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";
import { connectRaw } from "../support/raw.ts";
import { RedisServer } from "../support/redis/redis.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis[Symbol.asyncDispose]());

/** Two nodes that share a Redis. */
async function nodes(prefix: string, options: HubOptions = {}): Promise<[RunningHub, RunningHub]> {
  const shared = { ...options, redis: redis.url, cluster: { prefix } };
  return [
    await startHub({ ...shared, node: { id: "n1" } }),
    await startHub({ ...shared, node: { id: "n2" } }),
  ];
}

test("any node explains what happened on another one", async () => {
  const [n1, n2] = await nodes("dropped:", { websocket: { messageBufferSize: 1 } });
  const bob = await connectRaw(n2.url({ user_id: "bob" }));
  bob.socket.pause();
  const data = "x".repeat(65_536);
  for (;;) {
    const { id, state } = await n1.hub.user("bob").send({ type: "n", data, ephemeral: true, count: true });
    if (state !== "dropped") continue;
    const { body } = await call(n1, `/why?message=${id}`);
    expect(body).toMatchObject({
      user: "bob",
      findings: [{ code: "queue_full", node: "n2" }],
      message: { publisher: "n1", nodes: [{ node: "n1" }, { node: "n2", connections: 0, dropped: 1 }] },
      nodes: [
        { node: "n1", recording: true },
        { node: "n2", recording: true },
      ],
    });
    return;
  }
});

test("a message that nobody received is known from the node that published it", async () => {
  const [n1, n2] = await nodes("absent:");
  const { id } = await n2.hub.user("bob").send({ type: "n" });
  const { findings, message } = await n1.hub.why({ message: id });
  expect(findings.map(({ code }) => code)).toEqual(["not_connected", "stored"]);
  expect(message).toMatchObject({ publisher: "n2", offset: 1, history: { state: "retained" } });
});

test("what the policy refused on another node is the cause here", async () => {
  const [n1, n2] = await nodes("denied:", { policy: { join: "granted" } });
  const bob = await connectPeer(n2.url({ user_id: "bob" }));
  await bob.request("group.join", { group: "team" });
  const { id } = await n1.hub.group("team").send({ type: "n" });
  const { findings } = await n1.hub.why({ user: "bob", message: id });
  expect(findings[0]).toMatchObject({ code: "no_grant", node: "n2", channel: "group:team" });
});
