import { expect, test } from "vitest";
import { onEveryCluster } from "../support/cluster.ts";

const hello = (to: string) => ({ type: "chat", to, data: "Hello" });

onEveryCluster({}, (cluster) => {
  test("an ack on one node resolves the sender who waits on another", async () => {
    const { n1, n2 } = cluster();
    const alice = await cluster().client("alice", n1);
    const ada = await cluster().client("ada", n2, { autoAck: false });

    const sent = alice.client.send({ ...hello("ada"), ack: true, timeoutMs: 60_000 });
    await ada.until(() => ada.received.length === 1);
    ada.client.ack({ to: "ada", offset: 1 });

    expect(await sent).toMatchObject({ state: "acked", offset: 1 });
  });

  test("the application waits on a third node and gets the same result", async () => {
    await cluster().client("bea", cluster().n2);

    const message = { ...hello("bea"), ack: true, timeoutMs: 60_000 };
    const { body } = await cluster().n3.post("/ws/message", message);

    expect(body).toMatchObject({ state: "acked", offset: 1 });
  });

  test("a foreign user's ack is refused, and the sender learns `stored`", async () => {
    const { n1, n2, n3 } = cluster();
    const alice = await cluster().client("alice", n1);
    const cia = await cluster().client("cia", n2, { autoAck: false });
    const mallories = [await cluster().client("mallory", n2), await cluster().client("mallory", n3)];

    const sent = alice.client.send({ ...hello("cia"), ack: true, timeoutMs: 1_000 });
    await cia.until(() => cia.received.length === 1);
    for (const { client } of mallories) {
      const acked = client.request("message.ack", { channel: "user:cia", offset: 1 });
      await expect(acked).rejects.toMatchObject({ code: "forbidden" });
    }

    expect(await sent).toMatchObject({ state: "stored", offset: 1 });
  });

  test("for an offline receiver the sender gets `stored`; the message arrives at the next login, on any node", async () => {
    const { n1, n2, n3 } = cluster();
    const alice = await cluster().client("alice", n1);
    const before = await cluster().client("dora", n2);
    await before.client.close();

    const sent = await alice.client.send({ ...hello("dora"), ack: true, timeoutMs: 100 });
    const after = await cluster().client("dora", n3);
    await after.until(() => after.received.length === 1);

    expect(sent).toMatchObject({ state: "stored", offset: 1 });
    expect(after.received).toEqual(["Hello"]);
  });
});
