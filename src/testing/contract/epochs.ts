import type { Channel } from "../../protocol/protocol.ts";
import { type Implementation, startCluster } from "../harness.ts";
import type { Tests } from "../runner.ts";

export function epochsContract({ test, expect }: Tests, implementation: Implementation): void {
  test("positions come in the order asked", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;
    await broker.append(cluster.message("group:a"));
    await broker.append(cluster.message("group:b"));
    await broker.append(cluster.message("group:b"));
    const channels: Channel[] = ["group:b", "user:nobody", "group:a"];

    const positions = await broker.positions(channels);

    expect(positions.map(({ offset }) => offset)).toEqual([2, 0, 1]);
    expect(await broker.positions([])).toEqual([]);
  });

  test("the position of an empty channel stays valid when its first message comes", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;
    const [before] = await broker.positions(["user:bob"]);

    const { epoch, offset } = await broker.append(cluster.message("user:bob"));

    expect(before).toEqual({ epoch, offset: 0 });
    expect(offset).toBe(1);
  });

  test("appends, positions and pages agree on the epoch while nothing is lost", async () => {
    await using cluster = await startCluster(implementation, { count: 2 });
    const { broker, sink } = cluster.node;
    const { epoch } = await broker.append(cluster.message("all"));

    for (const offset of [2, 3, 4]) {
      expect(await broker.append(cluster.message("all"))).toMatchObject({ epoch, offset });
      expect(await broker.positions(["all"])).toEqual([{ epoch, offset }]);
      expect(await broker.history("all", { limit: 1 })).toMatchObject({ epoch, last: offset });
    }
    expect(sink.losses).toEqual([]);
  });

  test("a lost history continues under an epoch that was never used before", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;
    const epochs = new Set<string>();

    for (let losses = 0; losses < 5; losses++) {
      const { epoch, offset } = await broker.append(cluster.message("group:g"));
      expect(offset).toBe(1);
      expect(epochs).not.toContain(epoch);
      epochs.add(epoch);
      await cluster.loseHistories();
    }
  });

  test("a node with members reports the position at which a lost history continues", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, routes, sink } = cluster.node;
    await routes.join("g", "alice");
    const { epoch: former } = await broker.append(cluster.message("group:g"));
    const lossesOfG = () => sink.losses.filter(({ channel }) => channel === "group:g");

    await cluster.loseHistories();
    const { epoch } = await broker.append(cluster.message("group:g"));

    await sink.until(() => lossesOfG().length > 0);
    expect(epoch).not.toBe(former);
    expect(lossesOfG()).toEqual([{ channel: "group:g", position: { epoch, offset: 0 } }]);
  });

  test("a cursor of a lost history keeps its epoch, until the device acknowledges under the new one", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, cursors } = cluster.node;
    const { epoch: former } = await broker.append(cluster.message("user:bob"));
    await broker.append(cluster.message("user:bob"));
    await cursors.move("bob", "phone", "user:bob", { offset: 2 });

    await cluster.loseHistories();
    const { epoch } = await broker.append(cluster.message("user:bob"));

    expect(await cursors.read("bob", "phone", ["user:bob"])).toEqual([{ epoch: former, offset: 2 }]);
    expect(await cursors.move("bob", "phone", "user:bob", { offset: 1 })).toBe(1);
    expect(await cursors.read("bob", "phone", ["user:bob"])).toEqual([{ epoch, offset: 1 }]);
  });

  test("the start of a history that has lost messages says so, and of a new one does not", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, cursors } = cluster.node;
    const start = async (channel: Channel) => (await broker.history(channel, { after: 0, limit: 9 })).lost;
    await broker.append(cluster.message("user:bob"));
    await cursors.move("bob", "phone", "user:bob", { offset: 1 });
    expect(await start("user:bob")).toBeUndefined();

    await cluster.loseHistories();
    await broker.append(cluster.message("user:bob"));

    expect(await start("user:bob")).toBe(true);
    expect((await broker.history("user:bob", { after: 1, limit: 9 })).lost).toBeUndefined();
    expect(await start("user:carol")).toBeUndefined();
  });

  if (implementation.nodes > 1) severalNodes({ test, expect }, implementation);
}

function severalNodes({ test, expect }: Tests, implementation: Implementation): void {
  test("every node with members reports a loss", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    for (const { routes } of cluster.nodes) await routes.join("g", "alice");
    await cluster.node.broker.append(cluster.message("group:g"));

    await cluster.loseHistories();
    const { epoch } = await cluster.node.broker.append(cluster.message("group:g"));

    for (const { sink } of cluster.nodes) {
      await sink.until(() => sink.losses.some(({ channel }) => channel === "group:g"));
      expect(sink.losses).toContainEqual({ channel: "group:g", position: { epoch, offset: 0 } });
    }
  });

  test("nodes that ask for a new channel at the same time get the same epoch", async () => {
    await using cluster = await startCluster(implementation, {}, 2);

    const [first, second] = await Promise.all(
      cluster.nodes.map(({ broker }) => broker.positions(["group:g"])),
    );

    expect(second).toEqual(first);
  });
}
