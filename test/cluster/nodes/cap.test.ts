import { expect, test } from "vitest";
import { Peer } from "../../support/peer.ts";
import { Cluster, onEveryRedis } from "../support/cluster.ts";

const ROUNDS = 100;

/** Two logins of a user at the same time, on two nodes. */
function twoLogins({ n1, n2 }: Cluster, user: string): [Peer, Peer] {
  return [new Peer(n1.urlOf(user)), new Peer(n2.urlOf(user))];
}

/** Which connection a login became, or the code that ended it. */
const outcomeOf = (peer: Peer): Promise<unknown> =>
  peer
    .next(({ event }) => event === "welcome")
    .then(
      ({ connection }) => connection,
      async () => (await peer.closed).code,
    );

async function connectionsOf({ n3 }: Cluster, user: string): Promise<unknown[]> {
  const { body } = await n3.get(`/users/${user}/connections`);
  return body.connections.map(({ id }: { id: string }) => id);
}

onEveryRedis((redis) => {
  test(`of two logins over the cap exactly one is admitted, ${ROUNDS} times of ${ROUNDS}`, async () => {
    await using cluster = await Cluster.start(redis(), { WEBSOCKET_MAX_CONNECTIONS_PER_USER: "1" });
    for (let round = 0; round < ROUNDS; round++) {
      const user = `user-${round}`;
      const peers = twoLogins(cluster, user);

      const outcomes = await Promise.all(peers.map(outcomeOf));

      const admitted = outcomes.filter((outcome) => outcome !== 4503);
      expect(admitted, `round ${round}`).toHaveLength(1);
      expect(await connectionsOf(cluster, user)).toEqual(admitted);
      for (const peer of peers) await peer.close();
    }
  });

  test(`of two logins where the newer replaces the older exactly one stays, ${ROUNDS} times of ${ROUNDS}`, async () => {
    await using cluster = await Cluster.start(redis(), { WEBSOCKET_ONE_PER_PLATFORM: "1" });
    for (let round = 0; round < ROUNDS; round++) {
      const user = `user-${round}`;
      const peers = twoLogins(cluster, user);

      const replaced = await Promise.race(peers.map((peer) => peer.closed.then(() => peer)));
      const stayed = peers.find((peer) => peer !== replaced) ?? replaced;

      expect(await replaced.closed, `round ${round}`).toMatchObject({ code: 4502 });
      expect(await connectionsOf(cluster, user)).toEqual([await outcomeOf(stayed)]);
      await stayed.caughtUp();
      await stayed.close();
    }
  });

  test("a user of a killed node connects again, and counts as one connection", async () => {
    // Long before the others take the node for dead.
    const env = { WEBSOCKET_MAX_CONNECTIONS_PER_USER: "1", CLUSTER_NODE_TIMEOUT: "600" };
    await using cluster = await Cluster.start(redis(), env);
    const { n1, n2, n3 } = cluster;
    cluster.balancer.backends = [n2];
    const bob = await cluster.client("bob");
    cluster.balancer.backends = [n1, n3];

    await n2.kill();
    await bob.status("open", 2);

    expect(await connectionsOf(cluster, "bob")).toEqual([bob.client.connection]);
    expect(bob.client.state).toBe("open");
  });
});
