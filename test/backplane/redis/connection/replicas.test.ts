import { expect, it } from "vitest";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { follows, replicated } from "../../../support/redis/replication.ts";
import { createNode } from "./node.ts";

/** A master, and a replica that follows it. */
async function startPair() {
  const master = await RedisServer.start({ args: ["--repl-diskless-sync-delay", "0"] });
  const replica = await RedisServer.start({ args: ["--replicaof", "127.0.0.1", String(master.port)] });
  const stop = () => Promise.all([master, replica].map((server) => server[Symbol.asyncDispose]()));
  await follows(replica);
  return { master, replica, [Symbol.asyncDispose]: async () => void (await stop()) };
}

const append = ({ broker }: Awaited<ReturnType<ReturnType<typeof createNode>["started"]>>) =>
  broker.append({ id: "m1", type: "chat", body: '"x"', timestamp: Date.now(), channel: "user:ada" });

it("a node that stops waits until a replica has what it has confirmed", async () => {
  await using pair = await startPair();
  const { master, replica } = pair;
  const node = await createNode(master.url).started();
  await replicated(master, replica);
  replica.pause();
  await append(node);
  const stopped = node.backplane.stop().then(() => "stopped");
  const waits = eventually("the node waits", async () =>
    /blocked_clients:[1-9]/.test(String(await master.command("INFO", "clients"))),
  ).then(() => "waits");
  expect(await Promise.race([stopped, waits])).toBe("waits");
  replica.continue();
  await stopped;
  expect(((await replica.command("KEYS", "*user:ada*")) as string[]).length).toBeGreaterThan(0);
});
