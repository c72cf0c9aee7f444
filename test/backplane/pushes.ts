import type { RedisServer } from "../support/redis/redis.ts";
import {
  type ClusterOptions,
  type Implementation,
  type StartedCluster,
  startCluster,
  type TestNode,
  upTo,
} from "./harness.ts";

/** Messages of a tick, more than enough for a command each. */
export const COUNT = 100;

/** How many batches a node has appended by a command for each message. */
export const pushes = ({ backplane }: TestNode): number => backplane.traffic?.scripts.push ?? 0;

/** How often a node has read in a history. */
export const reads = ({ backplane }: TestNode): number => backplane.traffic?.scripts.read ?? 0;

export const idsOf = (messages: readonly { readonly id: string }[]): string[] => messages.map(({ id }) => id);

/** Nodes that all have members of group `g`, and know its list. Each has appended one message. */
export async function groupOf(
  implementation: Implementation,
  nodes: number,
  options: ClusterOptions = {},
): Promise<StartedCluster> {
  const cluster = await startCluster(implementation, options, nodes);
  for (const { broker } of cluster.nodes) {
    await broker.join("g", "alice");
    await broker.positions(["group:g"]);
  }
  for (const { broker } of cluster.nodes) await broker.append(cluster.message("group:g"));
  await allHave(cluster, nodes);
  return cluster;
}

/** Resolves when so many messages of the group have arrived on every node. */
export async function allHave({ nodes }: Pick<StartedCluster, "nodes">, count: number): Promise<void> {
  for (const { sink } of nodes) await sink.until(() => sink.delivered.length >= count);
}

/** Appends so many messages to the group at once. */
export const appendTo = ({ message }: StartedCluster, { broker }: TestNode, count: number) =>
  upTo(count).map(() => broker.append(message("group:g")));

/** The name of the group's list. */
export async function listOf(server: RedisServer): Promise<string> {
  const [list = ""] = (await server.command("KEYS", "*:h:group:g:*")) as string[]; // answers with names
  return list;
}
