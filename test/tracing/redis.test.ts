import { expect, it } from "vitest";
import { startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { registerSpans, treeOf } from "./spans.ts";

const spans = registerSpans();

it.each([
  { kind: "stored", ephemeral: false, way: "append" },
  { kind: "ephemeral", ephemeral: true, way: "relay" },
])("a message of the kind $kind is one trace on two nodes of Redis", async ({ ephemeral, way }) => {
  await using redis = await RedisServer.start();
  const options = { tracing: true, redis: redis.url };
  const [one, other] = await Promise.all(["n1", "n2"].map((id) => startHub({ ...options, node: { id } })));
  const members = [one, one, other, other].map(
    (running, index) => running && connectPeer(running.url({ user_id: `u${index}` })),
  );
  for (const member of await Promise.all(members)) await member?.request("group.join", { group: "g1" });
  spans.reset();
  await one?.hub.group("g1").send({ type: "news", data: "Hello", ephemeral });
  await spans.take(2, "deliver group:{id}");

  const traces = new Set(spans.all.map((span) => span.spanContext().traceId));
  expect(traces.size).toBe(1);
  expect(treeOf(spans.all)).toEqual({
    "publish group:{id}": { [`${way} group:{id}`]: {}, "deliver group:{id}": {} },
  });
  const delivered = spans.named("deliver group:{id}").map(({ attributes }) => attributes);
  expect(delivered.map((attributes) => attributes["tidings.node.id"]).sort()).toEqual(["n1", "n2"]);
  for (const attributes of delivered) expect(attributes["tidings.connections"]).toBe(2);
  // A page of the history has the message as any client sees it.
  const page = await other?.hub.history("group:g1");
  expect(page?.messages.map((message) => Object.keys(message).includes("trace"))).not.toContain(true);
});
