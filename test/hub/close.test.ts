import { expect, it } from "vitest";
import { startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";
import { RedisServer } from "../support/redis/redis.ts";

it.each(["says nothing", "is gone"])("a hub whose Redis %s closes all the same", async (how) => {
  await using redis = await RedisServer.start();
  const { hub, url } = await startHub({ redis: redis.url });
  const peers = await Promise.all(["a", "b"].map((user) => connectPeer(url({ user_id: user }))));
  // A connection in replay when Redis stops gets another close code.
  for (const peer of peers)
    await peer.next(({ event, channel }) => event === "position" && channel === "all");
  if (how === "is gone") await redis.kill();
  else redis.pause();
  await hub.close();
  for (const peer of peers) expect((await peer.closed).code).toBe(4000);
  redis.continue();
});
