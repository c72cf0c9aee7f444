import type { RedisServer } from "../../../support/redis/redis.ts";
import {
  type ClusterOptions,
  type Implementation,
  type StartedCluster,
  startCluster,
  type TestNode,
  upTo,
} from "../../contract/harness.ts";

/** Messages of a tick: enough for a transaction. */
export const COUNT = 100;

/** Number of batches that a node has appended by a transaction. */
export const pushes = ({ backplane }: TestNode): number => backplane.traffic?.scripts.push ?? 0;

/** Number of pages that a node has read from histories. */
export const reads = ({ backplane }: TestNode): number => backplane.traffic?.scripts.read ?? 0;

export const idsOf = (messages: readonly { readonly id: string }[]): string[] => messages.map(({ id }) => id);

/** Starts nodes that all have members of group `g` and its append target. Each has appended one message. */
export async function groupOf(
  implementation: Implementation,
  nodes: number,
  options: ClusterOptions = {},
): Promise<StartedCluster> {
  const cluster = await startCluster(implementation, options, nodes);
  for (const { broker, routes } of cluster.nodes) {
    await routes.join("g", "alice");
    await broker.positions(["group:g"]);
  }
  for (const { broker } of cluster.nodes) await broker.append(cluster.message("group:g"));
  await allHave(cluster, nodes);
  return cluster;
}

/** Resolves when every node has delivered a number of messages. */
export async function allHave({ nodes }: Pick<StartedCluster, "nodes">, count: number): Promise<void> {
  for (const { sink } of nodes) await sink.until(() => sink.delivered.length >= count);
}

/** Appends a number of messages to the group at once. */
export const appendTo = ({ message }: StartedCluster, { broker }: TestNode, count: number) =>
  upTo(count).map(() => broker.append(message("group:g")));

/** Key of the group's list. */
export async function listOf(server: RedisServer): Promise<string> {
  const [list = ""] = (await server.command("KEYS", "*:h:group:g:*")) as string[]; // answers with names
  return list;
}
