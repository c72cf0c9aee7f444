import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHECK_RIGHTS } from "../../../../src/backplane/redis/connection/session/rights.ts";
import { readPage } from "../../../docs/markdown.ts";
import { eventually } from "../../../support/eventually.ts";
import { RedisCluster, RedisServer } from "../../../support/redis/redis.ts";
import { REPOSITORY } from "../../../support/repository.ts";
import { connectionOf, NO_RULES, upTo } from "../../contract/harness.ts";
import { createNode } from "./node.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** The user of docs/OPERATIONS.md: the words of its one `ACL SETUSER` after the name. */
const [, documented = ""] =
  /^ACL SETUSER tidings ((?:[^\n]*\\\n)*[^\n]*)$/m.exec(readPage("docs/OPERATIONS.md").text) ?? [];
const RIGHTS = documented.replace(/\\\n/g, " ").trim().split(/\s+/);
const PASSWORD = "a-password";

const withPassword = (right: string): string => (right.startsWith(">") ? `>${PASSWORD}` : right);

/** Gives the user exactly these rights. @returns the URL for the user */
async function userWith(rights: readonly string[], database = ""): Promise<string> {
  const words = rights.map(withPassword);
  await server.command("ACL", "SETUSER", "tidings", "reset", "resetchannels", ...words);
  return server.url.replace("redis://", `redis://tidings:${PASSWORD}@`) + database;
}

const without = (...removed: string[]): string[] => RIGHTS.filter((right) => !removed.includes(right));

const DENIED = { code: "unavailable", message: expect.stringContaining("lacks a right in Redis") };

describe("the user of docs/OPERATIONS.md", () => {
  it("has the rights for everything that two nodes do", async () => {
    const url = await userWith([...RIGHTS, "+select"], "/3");
    const node = await createNode(url).started();
    const other = await createNode(url).started();
    const message = (id: string, channel: "group:g" | "user:alice" = "group:g") => ({
      ...{ id, type: "chat", body: '"x"', timestamp: Date.now() },
      channel,
    });
    const alice = connectionOf(other, "alice");
    await other.presence.arrive(alice, { ...NO_RULES, maxPerUser: 2 });
    await other.routes.join("g", "alice");
    await Promise.all(upTo(40).map((number) => node.broker.append(message(`m${number}`))));
    await Promise.all(upTo(40).map((number) => node.broker.append(message(`n${number}`))));
    await node.broker.append(message("once"), "a key");
    await node.broker.relay(message("ephemeral"));
    await other.sink.until(() => other.sink.delivered.length === 82);
    await node.memberships.add("g", "bob");
    expect(await node.memberships.membersOf("g")).toEqual(["bob"]);
    await node.cursors.move("alice", "web", "group:g", { offset: 3 });
    expect(await node.presence.online({ limit: 10 })).toMatchObject({ users: [{ user: "alice" }] });
    expect(await node.cluster.command({ kind: "kick", user: "alice", cause: "kicked" })).toMatchObject({
      connections: 1,
    });
    expect((await node.broker.history("group:g", { limit: 100 })).last).toBe(81);
    await other.presence.depart(alice);
    await other.backplane.stop();
    await node.backplane.probe();
    expect([...node.sink.reports, ...other.sink.reports]).toEqual([]);
    expect(await server.command("DBSIZE")).toBe(0); // everything is in database 3
  });

  it("has the rights on Redis Cluster too, with those of CLUSTER", async () => {
    await using cluster = await RedisCluster.start();
    const words = [...RIGHTS.map(withPassword), "+cluster|slots", "+cluster|info", "+cluster|nodes"];
    for (const master of cluster.masters)
      await master.command("ACL", "SETUSER", "tidings", "reset", "resetchannels", ...words);
    const url = cluster.url.replace("redis-cluster://", `redis-cluster://tidings:${PASSWORD}@`);
    const node = await createNode(url).started();
    await node.presence.arrive(connectionOf(node, "alice"), NO_RULES);
    await node.backplane.probe();
    expect(node.sink.reports).toEqual([]);
  });

  it.each(RIGHTS.filter((right) => /^[+~&]/.test(right) && !right.startsWith("+cluster")))(
    "does not start without %s",
    async (right) => {
      const url = await userWith(without(right));
      await expect(createNode(url).started()).rejects.toMatchObject(DENIED);
    },
  );

  it.each([
    ["&tidings:*", "&tidings:inbox:*"],
    ["&tidings:*", "&tidings:cast"],
    ["~tidings:*", "~other:*"],
  ])("does not start with %s replaced by %s", async (right, narrower) => {
    const url = await userWith([...without(right), narrower]);
    await expect(createNode(url).started()).rejects.toMatchObject(DENIED);
  });

  it("does not start in a database that it may not select, or that does not exist", async () => {
    await server.command("FLUSHALL");
    await expect(createNode(await userWith(RIGHTS, "/3")).started()).rejects.toMatchObject(DENIED);
    await expect(createNode(`${server.url}/99`).started()).rejects.toMatchObject({
      message: expect.stringContaining("DB index is out of range"),
    });
    expect(await server.command("DBSIZE")).toBe(0);
  });
});

it.each([["+eval", "+evalsha"], ["+publish"], ["+subscribe"], ["&tidings:*"], ["~tidings:*"], ["+hset"]])(
  "a node whose user loses %s is not up until the user has it again, and says why",
  async (...lost) => {
    const node = await createNode(await userWith(RIGHTS)).started();
    await userWith(without(...lost));
    const isUp = () => node.backplane.probe().then(Boolean.bind(null, true), () => false);
    await eventually("the node is not up", async () => !(await isUp()));
    await eventually("the node says why", () => node.sink.reports.length > 0);
    expect(node.sink.reports.join()).toMatch(/redis: Redis at 127\.0\.0\.1:\d+: .*lacks a right in Redis/);
    expect(node.sink.reports.join()).not.toContain(PASSWORD);
    await userWith(RIGHTS);
    await eventually("the node is up", isUp);
  },
);

it("a node that may not subscribe any more still reads", async () => {
  const node = await createNode(await userWith(RIGHTS)).started();
  await userWith(without("+subscribe"));
  await eventually("the node receives nothing", () => !node.backplane.health.abilities.receive);
  expect(node.backplane.health.abilities).toMatchObject({ reach: true, read: true });
  expect(await node.presence.count()).toEqual({ users: 0, connections: 0 });
  expect((await node.broker.history("group:g", { limit: 1 })).messages).toEqual([]);
});

it("the check of rights runs each command that any script runs", () => {
  const files = globSync("src/backplane/redis/**/*.ts", { cwd: REPOSITORY });
  const commandsIn = (text: string): string[] =>
    [...text.matchAll(/(?<!client\.)\bp?call\(\s*"([A-Z]+)"|"([SHZ]SCAN)"/g)].map(
      ([, one, other]) => one ?? other ?? "",
    );
  const used = files.flatMap((path) => commandsIn(readFileSync(join(REPOSITORY, path), "utf8")));
  const checked = new Set(commandsIn(CHECK_RIGHTS.lua));
  expect([...new Set(used)].filter((command) => !checked.has(command))).toEqual([]);
  const granted = RIGHTS.filter((right) => right.startsWith("+")).map((right) =>
    right.slice(1).split("|", 1)[0]?.toUpperCase(),
  );
  expect([...checked].filter((command) => !granted.includes(command))).toEqual([]);
});
