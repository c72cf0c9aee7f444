import type { Presence } from "../../backplane/backplane.ts";
import { connectionOf, type Implementation, NO_RULES, startCluster, upTo } from "../harness.ts";
import type { Tests } from "../runner.ts";

export function onlineContract({ test, expect }: Tests, implementation: Implementation): void {
  test("a page tells the number of connections and the platforms of each user", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    for (const platform of ["web", "ios", "web"]) {
      await node.presence.arrive(connectionOf(node, "alice", platform), NO_RULES);
    }

    const { users, cursor } = await node.presence.online({ limit: 10 });

    expect(users).toEqual([{ user: "alice", connections: 3, platforms: expect.any(Array) }]);
    expect(users.flatMap(({ platforms }) => platforms).sort()).toEqual(["ios", "web"]);
    expect(cursor).toBeUndefined();
  });

  test("pages list each user once, and the last page has no cursor", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const users = upTo(30).map((number) => `u${number}`);
    for (const user of users) await node.presence.arrive(connectionOf(node, user), NO_RULES);

    for (const limit of [1, 7, 10, 30, 100]) {
      const pages = await readPages(node.presence, limit);
      expect(pages.flat().sort()).toEqual([...users].sort());
      expect(pages.length).toBe(Math.ceil(users.length / limit));
    }
  });

  test("without users online there is one empty page", async () => {
    await using cluster = await startCluster(implementation);

    expect(await cluster.node.presence.online({ limit: 10 })).toEqual({ users: [] });
  });

  test("a user who stays online is listed once while others come and go between pages", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const staying = upTo(40).map((number) => `staying-${number}`);
    const leaving = upTo(40).map((number) => connectionOf(node, `leaving-${number}`));
    for (const [index, connection] of leaving.entries()) {
      await node.presence.arrive(connection, NO_RULES);
      await node.presence.arrive(connectionOf(node, staying[index] ?? ""), NO_RULES);
    }

    const pages = await readPages(node.presence, 5, async () => {
      for (const connection of leaving.splice(0, 7)) await node.presence.depart(connection);
      await node.presence.arrive(connectionOf(node, `new-${leaving.length}`), NO_RULES);
    });

    const seen = pages.flat().filter((user) => user.startsWith("staying"));
    expect(seen.sort()).toEqual([...staying].sort());
  });

  test("a cursor that no page gave is a bad request", async () => {
    await using cluster = await startCluster(implementation);

    const page = cluster.node.presence.online({ limit: 10, cursor: "no such thing" });

    await expect(page).rejects.toMatchObject({ code: "bad_request" });
  });
}

/** Reads all pages. @param between called after each page but the last */
async function readPages(
  presence: Presence,
  limit: number,
  between: () => Promise<void> = async () => {},
): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await presence.online({ limit, cursor });
    pages.push(page.users.map(({ user }) => user));
    cursor = page.cursor;
    if (cursor !== undefined) await between();
  } while (cursor !== undefined);
  return pages;
}
