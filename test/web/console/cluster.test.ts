import { expect, it } from "vitest";
import { NodeProcess } from "../../support/nodes/nodes.ts";
import { connectPeer } from "../../support/peer.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { until } from "../dev/place.ts";
import { openConsole } from "./operator.ts";

/** A Redis of the tests keeps nothing on disk, which the nodes report. */
const WORKS = /^(active|degraded)$/;

it("shows all nodes of a cluster, one that does not answer as such, and what Redis does not do", async () => {
  await using redis = await RedisServer.start();
  const env = { REDIS_URL: redis.url, CLUSTER_NODE_TIMEOUT: "600" };
  await using n1 = await NodeProcess.start("n1", env);
  await using n2 = await NodeProcess.start("n2", env);
  for (const [user, node] of [
    ["alice", n1],
    ["bob", n2],
  ] as const)
    await connectPeer(node.urlOf(user));
  const operator = await openConsole(`http://127.0.0.1:${n1.port}`);
  await operator.row("Nodes", "n1").getByText(WORKS).waitFor();
  await operator.row("Nodes", "n2").getByText(WORKS).waitFor();
  await operator.reads("appendonly is no");
  await expect.poll(() => operator.figure("Connections"), until).toBe("3");
  await operator.opens("Users");
  await operator.row("Users online", "bob").getByRole("link").click();
  // The charts of the last hour are asked for once, and would fail while the node is paused.
  const hour = operator.page.waitForResponse((response) => response.url().includes("/nodes/history?node=n2"));
  await operator.page.getByRole("link", { name: "n2" }).click();
  await operator.page.getByRole("heading", { name: "n2" }).waitFor();
  expect((await hour).ok()).toBe(true);

  n2.pause();
  await operator.reads("did not answer within");
  await operator.opens("Overview");
  await operator.row("Nodes", "n2").getByText("no answer").waitFor();
  n2.continue();
  await operator.row("Nodes", "n2").getByText(WORKS).waitFor();

  await redis.stop();
  await operator.reads("Only a part of the cluster answers");
});
