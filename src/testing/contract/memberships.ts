import { type Implementation, startCluster } from "../harness.ts";
import type { Tests } from "../runner.ts";

export function membershipsContract({ test, expect }: Tests, implementation: Implementation): void {
  test("memberships are found by user and by group", async () => {
    await using cluster = await startCluster(implementation);
    const { memberships } = cluster.node;
    await memberships.add("chess", "alice");
    await memberships.add("chess", "bob");
    await memberships.add("go", "alice");

    expect((await memberships.groupsOf("alice")).sort()).toEqual(["chess", "go"]);
    expect((await memberships.membersOf("chess")).sort()).toEqual(["alice", "bob"]);
    expect(await memberships.groupsOf("carol")).toEqual([]);
    expect(await memberships.membersOf("bridge")).toEqual([]);
  });

  test("adding or removing a member twice has the effect of once", async () => {
    await using cluster = await startCluster(implementation);
    const { memberships } = cluster.node;
    await memberships.add("chess", "alice");
    await memberships.add("chess", "alice");
    expect(await memberships.membersOf("chess")).toEqual(["alice"]);

    await memberships.remove("chess", "alice");
    await memberships.remove("chess", "alice");
    expect(await memberships.membersOf("chess")).toEqual([]);
    expect(await memberships.groupsOf("alice")).toEqual([]);
  });

  test("membership of one user is told, durable and joined, on every node", async () => {
    await using cluster = await startCluster(implementation, {}, Math.min(2, implementation.nodes));
    const { node } = cluster;
    const other = cluster.nodes.at(-1) ?? node;
    await node.memberships.add("chess", "alice");
    await node.routes.join("chess", "bob");
    for (const { memberships, presence } of [node, other]) {
      expect(await memberships.has("chess", "alice")).toBe(true);
      expect(await memberships.has("chess", "bob")).toBe(false);
      expect(await memberships.has("go", "alice")).toBe(false);
      expect(await presence.hasJoined("chess", "bob")).toBe(true);
      expect(await presence.hasJoined("chess", "alice")).toBe(false);
      expect(await presence.hasJoined("go", "bob")).toBe(false);
    }

    await node.memberships.remove("chess", "alice");
    await node.routes.leave("chess", "bob");
    expect(await other.memberships.has("chess", "alice")).toBe(false);
    expect(await other.presence.hasJoined("chess", "bob")).toBe(false);
  });

  test("durable membership and joining are independent", async () => {
    await using cluster = await startCluster(implementation);
    const { routes, memberships, presence } = cluster.node;
    await memberships.add("chess", "alice");
    await routes.join("chess", "bob");

    expect(await memberships.membersOf("chess")).toEqual(["alice"]);
    expect(await presence.inGroup("chess")).toEqual(["bob"]);
  });
}
