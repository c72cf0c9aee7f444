import { eventually } from "../eventually.ts";
import type { RedisServer } from "./server.ts";

/** Resolves when everything that the master has answered is on the replica too. */
export async function replicated(master: RedisServer, replica: RedisServer): Promise<void> {
  await eventually("the replica has everything that the master answered", async () => {
    const [from, to] = await Promise.all([offsetOf(master), offsetOf(replica)]);
    return to >= from;
  });
}

/** Resolves when a replica follows its master. */
export async function follows(replica: RedisServer): Promise<void> {
  await eventually("the replica follows its master", async () =>
    (await replicationOf(replica)).includes("master_link_status:up"),
  );
}

/** Resolves when a server is what it is to become. */
export async function becomes(server: RedisServer, role: "master" | "slave"): Promise<void> {
  await eventually(`the server is a ${role}`, async () =>
    (await replicationOf(server)).includes(`role:${role}`),
  );
}

/** Empty while the server cannot be asked: Sentinel ends all connections of one whose role it changes. */
const replicationOf = async (server: RedisServer): Promise<string> =>
  String(await server.command("INFO", "replication").catch(() => ""));

const offsetOf = async (server: RedisServer): Promise<number> =>
  Number(/(?:master|slave)_repl_offset:(\d+)/.exec(await replicationOf(server))?.[1]);
