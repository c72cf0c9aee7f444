import { expect, test } from "vitest";
import { type Implementation, startCluster } from "./harness.ts";

export function membershipsContract(implementation: Implementation): void {
  test("members and groups are found from either side", async () => {
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

  test("adding and removing twice is like once", async () => {
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

  test("a member need not be online, nor is everyone online a member", async () => {
    await using cluster = await startCluster(implementation);
    const { routes, memberships, presence } = cluster.node;
    await memberships.add("chess", "alice");
    await routes.join("chess", "bob");

    expect(await memberships.membersOf("chess")).toEqual(["alice"]);
    expect(await presence.inGroup("chess")).toEqual(["bob"]);
  });
}
