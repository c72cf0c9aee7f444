import { expect, test } from "vitest";
import { Peer } from "../../support/peer.ts";
import { Cluster, onEveryRedis } from "../support/cluster.ts";

const BLOCK = { ms: 3_600_000, reason: "spam" };

onEveryRedis((redis) => {
  test("a blocked user is closed on every node, and refused on every node after the one that blocked is killed", async () => {
    await using cluster = await Cluster.start(redis());
    const { n1, n2, n3 } = cluster;
    const devices = [await cluster.client("ada", n1), await cluster.client("ada", n2)];

    expect((await n3.post("/users/ada/block", BLOCK)).body).toEqual({ connections: 2, unconfirmed: 0 });

    for (const device of devices)
      expect(await device.status("closed")).toMatchObject({ code: 4506, reason: "spam", willRetry: false });
    await n3.kill();
    for (const node of [n1, n2]) {
      const { code, reason } = await new Peer(node.urlOf("ada")).closed;
      expect({ code, reason }).toEqual({
        code: 4506,
        reason: expect.stringContaining("this user is blocked for"),
      });
    }
    expect((await n1.post("/users/ada/block", { ms: 0 })).status).toBe(200);
    await cluster.client("ada", n2);
  });
});
