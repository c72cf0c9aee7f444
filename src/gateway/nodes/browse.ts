import type { AnswerError, Question, Questions } from "../../backplane/backplane.ts";
import type { Local } from "../../local/local.ts";
import { groupChannel, isId } from "../../protocol/protocol.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { type ConnectionReport, reportOf } from "./connections.ts";

/** Which names a page has: those that begin with `prefix` and come after `after`, in the order of their code units. */
export interface NameQuery {
  readonly prefix: string;
  readonly after: string;
  readonly limit: number;
}

/** Most names of a page. */
export const MAX_NAMES = 100;

/** Most connections of a user that a node tells of. */
const MAX_SESSIONS = 50;

/** Platforms of a user that a page tells of, and the characters of each: clients choose them, and an answer is bounded. */
const MAX_PLATFORMS = 4;
const MAX_PLATFORM = 64;

export interface FoundUser {
  readonly user: string;
  readonly connections: number;
  /** The first four, each cut at 64 characters. */
  readonly platforms: readonly string[];
}

export interface FoundGroup {
  readonly group: string;
  /** Connections that have joined. */
  readonly connections: number;
  /** Messages per second that reached connections. Null: not known, because a node counts a limited number of groups. */
  readonly messages: number | null;
  /** Messages per second, each counted once for every connection that took it. Null: not known on every node. */
  readonly deliveries: number | null;
  /** Nodes with such connections. */
  readonly nodes: number;
}

/** A node without an answer, and why. */
export interface SilentNode extends AnswerError {
  readonly node: string;
}

/** A page of names. A node that does not answer is named: its users or groups may be missing. */
export interface Page<Entry> {
  readonly entries: readonly Entry[];
  /** Name after which the next page begins; absent on the last. */
  readonly next?: string;
  readonly silent: readonly SilentNode[];
}

const KIND = { users: "users", groupNames: "groupNames", sessions: "sessions" } as const;

/** Lets this node answer questions about its users and groups, a page at a time. */
export function answerBrowsing(
  questions: Questions,
  local: Local,
  { busiest }: Pick<Metrics, "busiest">,
): void {
  questions.answer(KIND.users, (question): FoundUser[] =>
    firstNames(usersOf(local), queryOf(question)).map((user) => {
      const connections = local.connectionsOf(user);
      return {
        user,
        connections: connections.length,
        platforms: fewOf(connections.map(({ platform }) => platform.slice(0, MAX_PLATFORM).toWellFormed())),
      };
    }),
  );
  questions.answer(KIND.groupNames, (question): FoundGroup[] => {
    const names = firstNames(local.groupNames(), queryOf(question));
    const rates = new Map(busiest.top(Number.POSITIVE_INFINITY).map((rate) => [rate.group, rate]));
    const others = busiest.countsAll ? NO_MESSAGES : NOT_KNOWN;
    return names.map((group) => {
      const { messages, deliveries } = rates.get(group) ?? others;
      return { group, connections: local.countMembers(groupChannel(group)), messages, deliveries, nodes: 1 };
    });
  });
  questions.answer(KIND.sessions, ({ user }): ConnectionReport[] =>
    isId(user) ? local.connectionsOf(user).slice(0, MAX_SESSIONS).map(reportOf) : [],
  );
}

const NO_MESSAGES = { messages: 0, deliveries: 0 };
const NOT_KNOWN = { messages: null, deliveries: null };

const fewOf = (platforms: readonly string[]): string[] => [...new Set(platforms)].slice(0, MAX_PLATFORMS);

function* usersOf(local: Local): Iterable<string> {
  for (const { user } of local.connections()) yield user;
}

/** Reads a query: a node of another version may have asked. */
function queryOf({ prefix, after, limit }: Question): NameQuery {
  return {
    prefix: typeof prefix === "string" ? prefix : "",
    after: typeof after === "string" ? after : "",
    limit: typeof limit === "number" ? Math.min(MAX_NAMES + 1, limit) : MAX_NAMES,
  };
}

/** The first names of a page, each once. It keeps no more than these, and sorts no others. */
export function firstNames(names: Iterable<string>, { prefix, after, limit }: NameQuery): string[] {
  const first: string[] = [];
  for (const name of names) {
    if (name <= after || !name.startsWith(prefix)) continue;
    const last = first.at(-1);
    if (first.length >= limit && last !== undefined && name >= last) continue;
    const place = placeOf(first, name);
    if (first[place] === name) continue;
    first.splice(place, 0, name);
    if (first.length > limit) first.pop();
  }
  return first;
}

/** The place of a name in a sorted list. */
function placeOf(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Finds users who are online, on all nodes. @throws TidingsError `unavailable` while the backplane is unavailable */
export const findUsers = (questions: Questions, query: NameQuery): Promise<Page<FoundUser>> =>
  pageOf(
    questions,
    KIND.users,
    query,
    (entry: FoundUser) => entry.user,
    (one, other) => ({
      user: one.user,
      connections: one.connections + other.connections,
      platforms: fewOf([...one.platforms, ...other.platforms]),
    }),
  );

/** Finds groups that somebody has joined, on all nodes. @throws TidingsError `unavailable` while the backplane is unavailable */
export const findGroups = (questions: Questions, query: NameQuery): Promise<Page<FoundGroup>> =>
  pageOf(
    questions,
    KIND.groupNames,
    query,
    (entry: FoundGroup) => entry.group,
    (one, other) => ({
      group: one.group,
      connections: one.connections + other.connections,
      // A message reaches every node with members, so these are not added, and one node that counts them is enough.
      messages: one.messages === null ? other.messages : Math.max(one.messages, other.messages ?? 0),
      deliveries:
        one.deliveries === null || other.deliveries === null ? null : one.deliveries + other.deliveries,
      nodes: one.nodes + other.nodes,
    }),
  );

/** The connections of a user with their queues, oldest first. @throws TidingsError `unavailable` while the backplane is unavailable */
export async function sessionsOf(
  questions: Questions,
  user: string,
): Promise<{ readonly connections: readonly ConnectionReport[]; readonly silent: readonly SilentNode[] }> {
  const { answers, silent } = await askAll<ConnectionReport[]>(questions, { kind: KIND.sessions, user });
  const connections = answers.flat().sort((one, other) => one.connectedAt - other.connectedAt);
  return { connections, silent };
}

async function pageOf<Entry>(
  questions: Questions,
  kind: string,
  { limit, ...query }: NameQuery,
  nameOf: (entry: Entry) => string,
  added: (one: Entry, other: Entry) => Entry,
): Promise<Page<Entry>> {
  // One more than the page tells whether another one follows.
  const { answers, silent } = await askAll<Entry[]>(questions, { kind, ...query, limit: limit + 1 });
  const byName = new Map<string, Entry>();
  for (const entry of answers.flat()) {
    const name = nameOf(entry);
    const known = byName.get(name);
    byName.set(name, known === undefined ? entry : added(known, entry));
  }
  const names = firstNames(byName.keys(), { prefix: "", after: "", limit: limit + 1 });
  const entries = names.slice(0, limit).flatMap((name) => byName.get(name) ?? []);
  const last = names[limit - 1];
  return names.length > limit && last !== undefined ? { entries, next: last, silent } : { entries, silent };
}

/** Asks all nodes. They answer their own code, so the form of the answers is known. */
async function askAll<Answer>(
  questions: Questions,
  question: Question,
): Promise<{ answers: Answer[]; silent: SilentNode[] }> {
  const all = await questions.askAll(question);
  return {
    answers: all.flatMap(({ answer, error }) => (error === undefined ? [answer as Answer] : [])),
    silent: all.flatMap(({ node, error }) => (error === undefined ? [] : [{ node, ...error }])),
  };
}
