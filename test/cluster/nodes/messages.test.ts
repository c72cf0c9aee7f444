import { expect, test } from "vitest";
import type { Observed } from "../../client/harness.ts";
import { type Cluster, onEveryCluster } from "../support/cluster.ts";

const STORED = 50;
const WELCOMES = 50;

/** Three users, one on each node. */
async function oneOnEach(cluster: Cluster, names: readonly [string, string, string]): Promise<Observed[]> {
  const { n1, n2, n3 } = cluster;
  const [first, second, third] = names;
  return [await cluster.client(first, n1), await cluster.client(second, n2), await cluster.client(third, n3)];
}

const hasGot = (client: Observed, data: unknown): Promise<void> =>
  client.until(() => client.received.includes(data));

onEveryCluster({}, (cluster) => {
  test.each(["stored", "ephemeral"])(
    "a message that is %s reaches a user on any node, once",
    async (kind) => {
      const users = [`ada-${kind}`, `bea-${kind}`, `cia-${kind}`] as const;
      const clients = await oneOnEach(cluster(), users);
      const message = { type: "n", ephemeral: kind === "ephemeral" };

      for (const node of cluster().nodes) {
        for (const to of users)
          await node.post("/ws/message", { ...message, to, data: `${node.id} to ${to}` });
      }

      for (const [index, client] of clients.entries()) {
        const expected = ["n1", "n2", "n3"].map((id) => `${id} to ${users[index]}`);
        for (const data of expected) await hasGot(client, data);
        expect([...client.received].sort()).toEqual(expected);
      }
    },
  );

  test("all members of a group see one order, whichever nodes the senders are on", async () => {
    const clients = await oneOnEach(cluster(), ["dora", "ella", "fay"]);
    for (const { client } of clients) await client.join("g");

    await Promise.all(
      clients.map(async ({ client }, index) => {
        for (let n = 0; n < STORED; n++) await client.send({ type: "n", group: "g", data: `${index} ${n}` });
      }),
    );

    for (const client of clients) await client.until(() => client.received.length === 3 * STORED);
    const [first, ...others] = clients.map(({ received }) => received);
    for (const received of others) expect(received).toEqual(first);
  });

  test("a broadcast reaches every connection on every node, except those it excludes", async () => {
    const clients = await oneOnEach(cluster(), ["gina", "hana", "ida"]);
    const [gina, hana, ida] = clients;
    const phone = await cluster().client("ida", cluster().n1, { platform: "ios" });
    const except = [hana?.client.connection];

    await cluster().n2.post("/ws/broadcast", { type: "n", data: "all but hana", except });
    await cluster().n3.post("/ws/broadcast", { type: "n", data: "phones", platforms: ["ios"] });
    await cluster().n1.post("/ws/broadcast", { type: "n", data: "the end" });

    for (const client of [...clients, phone]) await hasGot(client, "the end");
    for (const client of [gina, ida]) expect(client?.received).toEqual(["all but hana", "the end"]);
    expect(hana?.received).toEqual(["the end"]);
    expect(phone.received).toEqual(["all but hana", "phones", "the end"]);
  });

  test("a broadcast right after the welcome reaches the new connection", async () => {
    const { n1, n2 } = cluster();
    for (let number = 0; number < WELCOMES; number++) {
      const client = await cluster().client(`newcomer-${number}`, n1);
      await n2.post("/ws/broadcast", { type: "n", data: number });
      await hasGot(client, number);
      await client.client.close();
    }
  });

  test("an idempotency key that was used on one node is a duplicate on every other", async () => {
    const [jana] = await oneOnEach(cluster(), ["jana", "kim", "lea"]);
    const message = { to: "jana", type: "n", data: "once", key: "order-7" };

    const receipts = await Promise.all(cluster().nodes.map((node) => node.post("/ws/message", message)));
    await cluster().n2.post("/ws/message", { to: "jana", type: "n", data: "the end" });

    await hasGot(jana as Observed, "the end"); // there are three
    expect(jana?.received).toEqual(["once", "the end"]);
    expect(receipts.filter(({ body }) => body.duplicate === true)).toHaveLength(2);
    expect(new Set(receipts.map(({ body }) => body.id)).size).toBe(1);
  });

  test("a durable member joins on every node, and gets the messages sent while offline", async () => {
    const { n1, n2, n3 } = cluster();
    const mia = await cluster().client("mia", n2);
    await n1.post("/groups/club/members", { user: "mia" });
    await n3.post("/groups/club/send", { type: "n", data: "live" });
    await hasGot(mia, "live");
    await mia.client.close();
    await n1.post("/groups/club/send", { type: "n", data: "while away" });

    const later = await cluster().client("mia", n3);

    await hasGot(later, "while away");
    expect(later.received).toEqual(["while away"]);
    expect((await n2.get("/groups/club/members")).body).toEqual({
      members: [{ user: "mia", online: true, durable: true }],
      ...{ online: 1, durable: 1 },
    });
  });
});
