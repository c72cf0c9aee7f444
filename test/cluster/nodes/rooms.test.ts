import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import type { NodeProcess } from "../../support/nodes/nodes.ts";
import { type RoomList, watchedBy } from "../../support/rooms/rooms.ts";
import { Cluster, onEveryRedis } from "../support/cluster.ts";
import { Crowd } from "../support/room-crowd.ts";

const MEMBERS = 1_000;

async function pagesOf(node: NodeProcess): Promise<{ user: string; data?: unknown }[]> {
  const members: { user: string; data?: unknown }[] = [];
  for (let cursor = ""; ; ) {
    const { body } = await node.get(`/groups/g/members?limit=300${cursor}`);
    members.push(...body.members);
    if (body.cursor === undefined) return members;
    cursor = `&cursor=${body.cursor}`;
  }
}

onEveryRedis((redis) => {
  test("1,000 members, churn and a node killed: every watcher ends with the truth, within bounds", async () => {
    await using cluster = await Cluster.start(redis());
    const { n1, n2, n3 } = cluster;
    await using crowd = new Crowd("g");
    await crowd.join(MEMBERS, [n1, n2, n3]);
    const watchers = await Promise.all(
      [n1, n3, n1, n3].map(async (node, index) => {
        return watchedBy(await cluster.peer(`watcher-${index}`, node), "g");
      }),
    );
    await eventually("the lists are there", () => watchers.every(({ names }) => names.length === MEMBERS));
    const before = watchers.map(({ frames }) => frames);
    const startedAt = performance.now();

    await crowd.churn(2_000);
    const ended = crowd.endOf(n2);
    await n2.kill();
    await ended;
    await crowd.churn(500);
    // Half of the members on the killed node come back, on the others.
    await crowd.comeBack([n1, n3]);
    await crowd.churn(500);

    const isTrue = (list: RoomList): boolean => JSON.stringify(list.names) === JSON.stringify(crowd.names);
    await eventually("all lists are true", () => watchers.every(isTrue));
    const seconds = (performance.now() - startedAt) / 1_000;
    for (const [index, list] of watchers.entries()) {
      expect(Object.fromEntries(list.users)).toEqual(crowd.data);
      expect(list.faults).toEqual([]);
      expect(list.count).toBe(crowd.names.length);
      expect(list.frames - (before[index] ?? 0), list.log.join("\n")).toBeLessThanOrEqual(seconds + 2);
      expect(list.characters).toBeLessThan((seconds + 3) * 80_000);
    }
    for (const node of [n1, n3]) {
      const members = await pagesOf(node);
      expect(members.map(({ user }) => user).sort()).toEqual(crowd.names);
      expect(Object.fromEntries(members.map(({ user, data }) => [user, data]))).toEqual(crowd.data);
      expect((await node.get("/groups/g/count")).body).toEqual({ online: crowd.names.length, durable: 0 });
    }
  });
});
