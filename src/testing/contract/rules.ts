import type { Backplane, BlockedUser, ConnectionRules } from "../../backplane/backplane.ts";
import type { ConnectionInfo } from "../../protocol/protocol.ts";
import {
  connectionOf,
  type Implementation,
  NO_RULES,
  type StartedCluster,
  startCluster,
  upTo,
} from "../harness.ts";
import type { Tests } from "../runner.ts";

const REJECT_BEYOND_2: ConnectionRules = { ...NO_RULES, maxPerUser: 2 };
const KICK_BEYOND_2: ConnectionRules = { ...NO_RULES, maxPerUser: 2, perUserPolicy: "kick_oldest" };
const ONE_PER_PLATFORM: ConnectionRules = { ...NO_RULES, onePerPlatform: true };

/** Reads all pages of the list of blocked users after a cursor. */
async function listBlocked(
  { presence }: Pick<Backplane, "presence">,
  limit: number,
  begin?: string,
): Promise<BlockedUser[]> {
  const listed: BlockedUser[] = [];
  let cursor = begin;
  do {
    const page = await presence.blocked({ limit, cursor });
    if (page.users.length > limit) throw new Error(`a page of ${limit} users has ${page.users.length}`);
    listed.push(...page.users);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return listed;
}

export function rulesContract({ test, expect }: Tests, implementation: Implementation): void {
  test("a connection over the limit is refused", async () => {
    await using cluster = await startCluster(implementation);
    const [first, second, third, fourth] = four(cluster);
    const { presence } = cluster.node;
    await presence.arrive(first, REJECT_BEYOND_2);
    await presence.arrive(second, REJECT_BEYOND_2);

    expect(await presence.arrive(third, REJECT_BEYOND_2)).toEqual({ admitted: false });
    expect(await presence.connectionsOf("alice")).toMatchObject([first, second]);
    await presence.depart(first);
    expect(await presence.arrive(fourth, REJECT_BEYOND_2)).toEqual({ admitted: true, evicted: [] });
    expect(await presence.count()).toEqual({ users: 1, connections: 2 });
  });

  test("a blocked user is refused on every node, until the block is over or ended", async () => {
    await using cluster = await startCluster(implementation, {}, Math.min(2, implementation.nodes));
    const { node } = cluster;
    const other = cluster.nodes.at(-1) ?? node;
    const arrive = (at = other, user = "alice") => at.presence.arrive(connectionOf(at, user), NO_RULES);
    await node.presence.block("alice", 3_600_000);
    for (const at of [node, other]) {
      const admission = await arrive(at);
      expect(admission).toEqual({ admitted: false, blockedMs: expect.any(Number) });
      if (!admission.admitted) expect(admission.blockedMs).toBeGreaterThan(3_500_000);
      expect(await at.presence.blockedMs("alice")).toBeGreaterThan(3_500_000);
      expect(await at.presence.blockedMs("bob")).toBe(0);
    }
    expect(await node.presence.connectionsOf("alice")).toEqual([]);
    expect(await arrive(other, "bob")).toMatchObject({ admitted: true });

    await other.presence.block("alice", 0);
    expect(await arrive()).toMatchObject({ admitted: true });
    expect(await node.presence.blockedMs("alice")).toBe(0);

    await node.presence.block("carol", 2_000);
    expect(await arrive(other, "carol")).toMatchObject({ admitted: false });
    await cluster.advance(2_010);
    expect(await node.presence.blockedMs("carol")).toBe(0);
    expect(await arrive(other, "carol")).toMatchObject({ admitted: true });
  });

  test("lists who is blocked, page by page, in a stable order", async () => {
    await using cluster = await startCluster(implementation, {}, Math.min(2, implementation.nodes));
    const { node } = cluster;
    const other = cluster.nodes.at(-1) ?? node;
    expect(await node.presence.blocked({ limit: 10 })).toEqual({ users: [] });
    const users = Array.from({ length: 12 }, (_, index) => `user-${index}`);
    for (const user of users) await node.presence.block(user, 3_600_000);
    await node.presence.block("carol", 50);
    await cluster.advance(60);
    const all = await listBlocked(other, 100);
    expect(all.map(({ user }) => user).sort()).toEqual([...users].sort());
    for (const { until } of all) expect(Number.isSafeInteger(until)).toBe(true);

    const first = await other.presence.blocked({ limit: 5 });
    expect(first.users).toEqual(all.slice(0, 5));
    // The first of them ends, the last begins anew, and another one comes: who stays is listed once.
    await node.presence.block(all[0]?.user ?? "", 0);
    await node.presence.block(all[4]?.user ?? "", 7_200_000);
    await node.presence.block("dave", 3_600_000);
    const rest = await listBlocked(other, 4, first.cursor);
    const names = rest.map(({ user }) => user);
    expect(new Set(names).size).toBe(names.length);
    for (const { user } of all.slice(5)) expect(names).toContain(user);
    expect(names).not.toContain(all[0]?.user);
    expect(names).not.toContain(all[4]?.user);
    const [again] = (await listBlocked(other, 100)).filter(({ user }) => user === all[4]?.user);
    expect(again?.until).toBeGreaterThan((all[4]?.until ?? 0) + 3_000_000);
    for (const cursor of ["x", "99.1", "-1"])
      await expect(node.presence.blocked({ limit: 5, cursor })).rejects.toMatchObject({
        code: "bad_request",
      });
  });

  test("the limit counts each user separately", async () => {
    await using cluster = await startCluster(implementation);
    const { presence } = cluster.node;
    const rules = { ...NO_RULES, maxPerUser: 1 };

    for (const user of ["alice", "bob", "carol"]) {
      const admission = await presence.arrive(connectionOf(cluster.node, user), rules);
      expect(admission.admitted).toBe(true);
    }
  });

  test("the oldest connection over the limit is evicted, and is no longer registered", async () => {
    await using cluster = await startCluster(implementation);
    const [first, second, third, fourth] = four(cluster);
    const { presence } = cluster.node;
    await presence.arrive(first, KICK_BEYOND_2);
    await presence.arrive(second, KICK_BEYOND_2);

    expect(await presence.arrive(third, KICK_BEYOND_2)).toMatchObject({ admitted: true, evicted: [first] });
    expect(await presence.arrive(fourth, KICK_BEYOND_2)).toMatchObject({ admitted: true, evicted: [second] });
    expect(await presence.connectionsOf("alice")).toMatchObject([third, fourth]);
    expect(await presence.count()).toEqual({ users: 1, connections: 2 });
  });

  test("an arrival under a lower limit evicts all connections over the limit", async () => {
    await using cluster = await startCluster(implementation);
    const [first, second, third, fourth] = four(cluster);
    const { presence } = cluster.node;
    for (const connection of [first, second, third]) await presence.arrive(connection, NO_RULES);

    const admission = await presence.arrive(fourth, KICK_BEYOND_2);

    expect(admission).toMatchObject({ admitted: true, evicted: [first, second] });
    expect(await presence.connectionsOf("alice")).toMatchObject([third, fourth]);
  });

  test("a newer connection on the same platform replaces the older", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const [web, ios, newWeb] = [
      connectionOf(node, "alice", "web"),
      connectionOf(node, "alice", "ios"),
      connectionOf(node, "alice", "web"),
    ];

    expect(await node.presence.arrive(web, ONE_PER_PLATFORM)).toMatchObject({ evicted: [] });
    expect(await node.presence.arrive(ios, ONE_PER_PLATFORM)).toMatchObject({ evicted: [] });
    expect(await node.presence.arrive(newWeb, ONE_PER_PLATFORM)).toMatchObject({ evicted: [web] });
    expect(await node.presence.connectionsOf("alice")).toMatchObject([ios, newWeb]);
  });

  test("a connection that replaces one of its platform is admitted at the limit", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const rules = { ...REJECT_BEYOND_2, onePerPlatform: true };
    const web = connectionOf(node, "alice", "web");
    const ios = connectionOf(node, "alice", "ios");
    await node.presence.arrive(web, rules);
    await node.presence.arrive(ios, rules);

    expect(await node.presence.arrive(connectionOf(node, "alice", "tv"), rules)).toEqual({ admitted: false });
    expect(await node.presence.arrive(connectionOf(node, "alice", "web"), rules)).toMatchObject({
      admitted: true,
      evicted: [web],
    });
  });

  test("departing an evicted connection changes nothing", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const older = connectionOf(node, "alice");
    const newer = connectionOf(node, "alice");
    const bob = connectionOf(node, "bob");
    await node.presence.arrive(bob, NO_RULES);
    await node.presence.arrive(older, ONE_PER_PLATFORM);
    await node.presence.arrive(newer, ONE_PER_PLATFORM);

    await node.presence.depart(older);
    await node.presence.depart(bob);

    expect(await node.presence.connectionsOf("alice")).toMatchObject([newer]);
    // The users are in different partitions, whose events have no common order on Redis Cluster.
    await node.sink.until(() => node.sink.changes.length >= 3);
    expect(node.sink.changes.filter(({ user }) => user === "alice")).toEqual([
      { user: "alice", online: true },
    ]);
  });

  test("of 100 concurrent arrivals exactly as many as the limit are admitted", async () => {
    await using cluster = await startCluster(implementation, {}, Math.min(2, implementation.nodes));
    const arrivals = hundred(cluster);

    const admissions = await Promise.all(
      arrivals.map(({ node, connection }) =>
        node.presence.arrive(connection, { ...NO_RULES, maxPerUser: 10 }),
      ),
    );

    expect(admissions.filter(({ admitted }) => admitted)).toHaveLength(10);
    expect(await cluster.node.presence.count()).toEqual({ users: 1, connections: 10 });
  });

  test("of 100 concurrent arrivals as many as the limit stay, and each other one is evicted once", async () => {
    await using cluster = await startCluster(implementation, {}, Math.min(2, implementation.nodes));
    const arrivals = hundred(cluster);

    const admissions = await Promise.all(
      arrivals.map(({ node, connection }) =>
        node.presence.arrive(connection, { ...KICK_BEYOND_2, maxPerUser: 10 }),
      ),
    );

    const evicted = admissions.flatMap((admission) => (admission.admitted ? admission.evicted : []));
    const stayed = await cluster.node.presence.connectionsOf("alice");
    expect(evicted).toHaveLength(90);
    expect(stayed).toHaveLength(10);
    const ids = [...evicted, ...stayed].map(({ id }) => id);
    expect(ids.sort()).toEqual(arrivals.map(({ connection }) => connection.id).sort());
  });
}

function four({ node }: StartedCluster): [ConnectionInfo, ConnectionInfo, ConnectionInfo, ConnectionInfo] {
  const next = () => connectionOf(node, "alice");
  return [next(), next(), next(), next()];
}

const hundred = ({ nodes }: StartedCluster) =>
  upTo(100 / nodes.length).flatMap(() =>
    nodes.map((node) => ({ node, connection: connectionOf(node, "alice") })),
  );
