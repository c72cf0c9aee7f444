import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { Cluster, onEveryCluster } from "../support/cluster.ts";

const EPHEMERAL = { type: "n", ephemeral: true };

onEveryCluster({}, (cluster) => {
  test.each(["ephemeral", "stored"])(
    "a receipt of an %s message claims nothing of other nodes",
    async (kind) => {
      const { n1, n2 } = cluster();
      const to = `bob-${kind}`;
      await Promise.all(Array.from({ length: 5 }, () => cluster().peer(to, n2)));
      const send = async (fields: object = {}) =>
        (await n1.post("/ws/message", { type: "n", to, ephemeral: kind === "ephemeral", ...fields })).body;
      // A login is known on other nodes when its welcome was sent.
      expect(await send()).toMatchObject({ state: "routed", connections: 0, nodes: 1 });
      expect(await send()).not.toHaveProperty("total");
      expect(await send({ count: true })).toMatchObject({
        state: "delivered",
        connections: 0,
        nodes: 1,
        total: 5,
      });
      const ios = { platforms: ["ios"] };
      expect(await send(ios)).toMatchObject({ state: "routed", connections: 0, nodes: 1 });
      const nobody = { state: kind === "stored" ? "stored" : "offline", connections: 0, nodes: 1, total: 0 };
      expect(await send({ ...ios, count: true })).toMatchObject(nobody);

      await cluster().peer(to, n1);
      expect(await send()).toMatchObject({ state: "delivered", connections: 1, nodes: 1 });
      expect(await send({ count: true })).toMatchObject({
        state: "delivered",
        connections: 1,
        nodes: 1,
        total: 6,
      });
    },
  );

  test("a receipt of an acknowledged message has the total", async () => {
    const { n1, n2 } = cluster();
    const ada = await cluster().client("ada-total", n2);
    const sent = await n1.post("/ws/message", {
      type: "n",
      to: "ada-total",
      ack: true,
      timeoutMs: 60_000,
    });
    expect(sent.body).toMatchObject({ state: "acked", connections: 0, nodes: 1, total: 1 });
    await ada.client.close();
  });
});

test("nobody is routed to a node that was killed, before the others declare it dead", async () => {
  await using redis = await RedisServer.start();
  await using cluster = await Cluster.start(redis, { CLUSTER_NODE_TIMEOUT: "600" }, 2);
  const { n1, n2 } = cluster;
  for (const user of ["eph", "sto"]) await cluster.peer(user, n2);
  expect((await n1.post("/ws/message", { ...EPHEMERAL, to: "eph" })).body).toMatchObject({ state: "routed" });
  expect((await n1.post("/ws/message", { type: "n", to: "sto" })).body).toMatchObject({ state: "routed" });

  await n2.kill();

  // The script that stores a message tells at once that its PUBLISH reached nobody.
  await eventually("Redis has noticed the end of the process", async () => {
    const { body } = await n1.post("/ws/message", { type: "n", to: "sto" });
    return body.state === "stored" && body.nodes === 0;
  });
  const { body } = await n1.post("/ws/message", { ...EPHEMERAL, to: "eph", count: true });
  expect(body).toMatchObject({ state: "offline", connections: 0, nodes: 0, total: 0 });
});
