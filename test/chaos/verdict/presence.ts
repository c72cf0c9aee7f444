import type { Person } from "../people/person.ts";
import type { Watcher } from "../people/watcher.ts";
import type { ChaosNode, World } from "../world.ts";

/** Differences between who is here and what the nodes say; empty once nobody is a ghost. */
export async function judgePresence(
  { nodes }: World,
  people: readonly Person[],
  others: readonly string[],
  watchers: readonly Watcher[],
): Promise<string[]> {
  const present = people.filter(({ client }) => client !== undefined);
  const names = [...present.map(({ name }) => name), ...others].toSorted();
  const breaches = await Promise.all(nodes.map((node) => judgeNode(node, nodes, present, names)));
  const watched = present.map(({ name }) => name).toSorted();
  const told = watchers.map(({ online }) => differences("a watcher", watched, online));
  return [...breaches.flat(), ...told.flat()];
}

async function judgeNode(
  node: ChaosNode,
  nodes: readonly ChaosNode[],
  present: readonly Person[],
  names: readonly string[],
): Promise<string[]> {
  const { id } = node.process;
  const [users, list, stats] = await Promise.all([
    node.ask("/users?limit=1000"),
    node.ask("/nodes"),
    node.ask("/stats"),
  ]);
  const online =
    (users?.body as { users?: { user: string; connections: number }[] } | undefined)?.users ?? [];
  // An error has another shape.
  const active = Array.isArray(list?.body) ? (list.body as { id: string; status: string }[]) : [];
  const counted = (stats?.body as { cluster?: { users: number; connections: number } } | undefined)?.cluster;
  const groups = [...new Set(present.flatMap(({ groups }) => groups))].toSorted();
  const members = await Promise.all(groups.map((group) => judgeGroup(node, group, present)));
  return [
    ...differences(
      `/users of ${id}`,
      names,
      online.map(({ user }) => user),
    ),
    ...online
      .filter(({ connections }) => connections !== 1)
      .map(({ user }) => `ghost: ${id} lists ${user} twice`),
    ...differences(
      `/nodes of ${id}`,
      nodes.map(({ process }) => process.id),
      active.filter(({ status }) => status === "active").map(({ id }) => id),
    ),
    ...(counted?.users === names.length && counted.connections === names.length
      ? []
      : [`ghost: ${id} counts ${JSON.stringify(counted)}, not ${names.length}`]),
    ...members.flat(),
  ];
}

async function judgeGroup(node: ChaosNode, group: string, present: readonly Person[]): Promise<string[]> {
  const answer = await node.ask(`/groups/${group}/members`);
  const members =
    (answer?.body as { members?: { user: string; online: boolean }[] } | undefined)?.members ?? [];
  return differences(
    `${group} on ${node.process.id}`,
    present.filter(({ groups }) => groups.includes(group)).map(({ name }) => name),
    members.filter(({ online }) => online).map(({ user }) => user),
  );
}

function differences(where: string, expected: readonly string[], found: readonly string[]): string[] {
  const ghosts = found.filter((name) => !expected.includes(name));
  const absent = expected.filter((name) => !found.includes(name));
  return [
    ...ghosts.map((name) => `ghost: ${where} lists ${name}`),
    ...absent.map((name) => `missing: ${where} does not list ${name}`),
  ];
}
