import { type Implementation, type StartedCluster, startCluster, upTo } from "../harness.ts";
import type { Tests } from "../runner.ts";

const BOBS = "user:bob";

export function cursorsContract({ test, expect }: Tests, implementation: Implementation): void {
  test("a new device has no cursor", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, cursors } = cluster.node;
    await broker.append(cluster.message(BOBS));

    expect(await cursors.read("bob", "phone", [BOBS, "group:g"])).toEqual([undefined, undefined]);
    expect(await cursors.read("bob", "phone", [])).toEqual([]);
  });

  test("a cursor moves forward, never back", async () => {
    await using cluster = await startCluster(implementation);
    const { cursors } = cluster.node;
    const epoch = await append(cluster, 5);

    expect(await cursors.move("bob", "phone", BOBS, { offset: 3 })).toBe(3);
    expect(await cursors.move("bob", "phone", BOBS, { offset: 2, epoch })).toBe(3);
    expect(await cursors.move("bob", "phone", BOBS, { offset: 3 })).toBe(3);
    expect(await cursors.read("bob", "phone", [BOBS])).toEqual([{ epoch, offset: 3 }]);
    expect(await cursors.move("bob", "phone", BOBS, { offset: 5, epoch })).toBe(5);
    expect(await cursors.read("bob", "phone", ["all", BOBS])).toEqual([undefined, { epoch, offset: 5 }]);
  });

  test("each device has its own cursor", async () => {
    await using cluster = await startCluster(implementation);
    const { cursors } = cluster.node;
    const epoch = await append(cluster, 5);

    await cursors.move("bob", "phone", BOBS, { offset: 3 });
    await cursors.move("bob", "web", BOBS, { offset: 1 });
    await cursors.move("carol", "phone", BOBS, { offset: 2 });

    expect(await cursors.read("bob", "phone", [BOBS])).toEqual([{ epoch, offset: 3 }]);
    expect(await cursors.read("bob", "web", [BOBS])).toEqual([{ epoch, offset: 1 }]);
    expect(await cursors.read("carol", "phone", [BOBS])).toEqual([{ epoch, offset: 2 }]);
  });

  test("a user's devices beyond the limit lose the cursor that moved longest ago", async () => {
    await using cluster = await startCluster(implementation, { devicesPerUser: 3 });
    const { cursors } = cluster.node;
    const epoch = await append(cluster, 5);

    for (const device of ["a", "b", "c"]) await cursors.move("bob", device, BOBS, { offset: 1 });
    await cursors.move("bob", "a", BOBS, { offset: 2 });
    await cursors.move("carol", "a", BOBS, { offset: 1 });
    for (const device of ["d", "e"]) await cursors.move("bob", device, BOBS, { offset: 3 });

    const offsets: (number | undefined)[] = [];
    for (const device of ["a", "b", "c", "d", "e"]) {
      offsets.push((await cursors.read("bob", device, [BOBS]))[0]?.offset);
    }
    expect(offsets).toEqual([2, undefined, undefined, 3, 3]);
    expect(await cursors.read("carol", "a", [BOBS])).toEqual([{ epoch, offset: 1 }]);
  });

  test("a device whose cursor was dropped counts as one that has lost what is gone", async () => {
    await using cluster = await startCluster(implementation, { devicesPerUser: 2, count: 2 });
    const { cursors } = cluster.node;
    await append(cluster, 1);
    for (const device of ["a", "b", "c"]) await cursors.move("bob", device, BOBS, { offset: 1 });
    expect(await cursors.read("bob", "a", [BOBS])).toEqual([undefined]);

    await append(cluster, 9);

    expect(await cursors.read("bob", "a", [BOBS])).toEqual([{ epoch: "", offset: 0 }]);
    expect(await cursors.read("bob", "c", [BOBS])).toMatchObject([{ offset: 1 }]);
    expect(await cursors.read("carol", "a", [BOBS])).toEqual([undefined]);
  });

  test("users and devices have their own cursors where their names could be joined in two ways", async () => {
    await using cluster = await startCluster(implementation);
    const { cursors } = cluster.node;
    const epoch = await append(cluster, 3);
    const devices = [
      ["a", "b/c"],
      ["a/b", "c"],
      ["a%2Fb", "c"],
    ] as const;

    for (const [index, [user, device]] of devices.entries()) {
      await cursors.move(user, device, BOBS, { offset: index + 1 });
    }

    for (const [index, [user, device]] of devices.entries()) {
      expect(await cursors.read(user, device, [BOBS])).toEqual([{ epoch, offset: index + 1 }]);
    }
  });

  test("a cursor beyond the last offset is a bad request", async () => {
    await using cluster = await startCluster(implementation);
    const { cursors } = cluster.node;
    await append(cluster, 2);

    await expect(cursors.move("bob", "phone", BOBS, { offset: 3 })).rejects.toMatchObject({
      code: "bad_request",
    });
    await expect(cursors.move("bob", "phone", "group:g", { offset: 1 })).rejects.toMatchObject({
      code: "bad_request",
    });
    expect(await cursors.read("bob", "phone", [BOBS, "group:g"])).toEqual([undefined, undefined]);
  });

  test("a cursor of another epoch is a conflict", async () => {
    await using cluster = await startCluster(implementation);
    const { cursors } = cluster.node;
    await append(cluster, 2);

    const moved = cursors.move("bob", "phone", BOBS, { offset: 1, epoch: "another" });

    await expect(moved).rejects.toMatchObject({ code: "conflict" });
  });

  test("an acknowledgement reaches a watching node once per move", async () => {
    await using cluster = await startCluster(implementation);
    const { cursors, sink } = cluster.node;
    await append(cluster, 5);
    await cursors.watch(BOBS);

    await cursors.move("bob", "phone", BOBS, { offset: 2 });
    await cursors.move("bob", "phone", BOBS, { offset: 2 });
    await cursors.move("bob", "phone", BOBS, { offset: 1 });
    await cursors.move("bob", "web", BOBS, { offset: 1 });

    await sink.until(() => sink.acknowledgements.length === 2);
    expect(sink.acknowledgements).toEqual([
      { channel: BOBS, user: "bob", offset: 2 },
      { channel: BOBS, user: "bob", offset: 1 },
    ]);
  });

  test("a watch begins before its promise resolves", async () => {
    await using cluster = await startCluster(implementation);
    const { broker, cursors, sink } = cluster.node;

    const watching = cursors.watch(BOBS);
    await broker.append(cluster.message(BOBS));
    await cursors.move("bob", "phone", BOBS, { offset: 1 });

    await sink.until(() => sink.acknowledgements.length === 1);
    (await watching)();
  });

  test("a channel is watched until its last watch ends", async () => {
    await using cluster = await startCluster(implementation);
    const { cursors, sink } = cluster.node;
    await append(cluster, 5);
    const stopFirst = await cursors.watch(BOBS);
    const stopSecond = await cursors.watch(BOBS);

    stopFirst();
    stopFirst();
    await cursors.move("bob", "phone", BOBS, { offset: 1 });
    await sink.until(() => sink.acknowledgements.length === 1);
    stopSecond();
    await cursors.move("bob", "phone", BOBS, { offset: 2 });
    await cursors.watch(BOBS);
    await cursors.move("bob", "phone", BOBS, { offset: 3 });

    await sink.until(() => sink.acknowledgements.length === 2);
    expect(sink.acknowledgements.map(({ offset }) => offset)).toEqual([1, 3]);
  });

  if (implementation.nodes > 1) severalNodes({ test, expect }, implementation);
}

function severalNodes({ test, expect }: Tests, implementation: Implementation): void {
  test("an acknowledgement reaches another node that watches the channel", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    await node.cursors.watch(BOBS);
    await append(cluster, 1);

    await other.cursors.move("bob", "phone", BOBS, { offset: 1 });

    await node.sink.until(() => node.sink.acknowledgements.length > 0);
    expect(node.sink.acknowledgements).toEqual([{ channel: BOBS, user: "bob", offset: 1 }]);
  });

  test("a cursor is the same on every node", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const epoch = await append(cluster, 2);

    await cluster.node.cursors.move("bob", "phone", BOBS, { offset: 1 });

    expect(await cluster.other.cursors.read("bob", "phone", [BOBS])).toEqual([{ epoch, offset: 1 }]);
  });
}

/** Appends messages to Bob's channel. @returns its epoch */
async function append(cluster: StartedCluster, count: number): Promise<string> {
  for (const _ of upTo(count)) await cluster.node.broker.append(cluster.message(BOBS));
  const [position] = await cluster.node.broker.positions([BOBS]);
  return position?.epoch ?? "";
}
