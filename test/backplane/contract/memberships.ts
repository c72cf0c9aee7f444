import { expect, test } from "vitest";
import { type Implementation, startCluster } from "./harness.ts";

export function membershipsContract(implementation: Implementation): void {
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

  test("durable membership and joining are independent", async () => {
    await using cluster = await startCluster(implementation);
    const { routes, memberships, presence } = cluster.node;
    await memberships.add("chess", "alice");
    await routes.join("chess", "bob");

    expect(await memberships.membersOf("chess")).toEqual(["alice"]);
    expect(await presence.inGroup("chess")).toEqual(["bob"]);
  });
}
