import type { Endpoint } from "./socket/web-socket.ts";

/** What a run does. `echo` and `broadcast` are for any WebSocket server, the others but `connect` and `idle` for Tidings. */
export type ScenarioName =
  | "connect"
  | "fanout"
  | "direct"
  | "chat"
  | "cross-node"
  | "storm"
  | "idle"
  | "soak"
  | "echo"
  | "broadcast";

/** A server that clients connect to. */
export interface Target {
  /** As it was given, without credentials. */
  readonly url: string;
  readonly endpoint: Omit<Endpoint, "localAddress">;
  /** Path of the WebSocket, with its query. */
  readonly path: string;
  /** Base of the HTTP API; undefined for a server that is not Tidings. */
  readonly http?: string | undefined;
}

/** Everything that one run of a scenario needs, for all of its processes. JSON: the processes get it as it is. */
export interface Plan {
  /** Name of the run: it stands in the ids of users and groups and in every message. */
  readonly run: string;
  readonly scenario: ScenarioName;
  readonly targets: readonly Target[];
  /** Addresses of this machine that clients connect from, in turn. Empty: the system chooses. */
  readonly sources: readonly string[];
  readonly connections: number;
  /** Connects per second. */
  readonly ramp: number;
  /** Time after which a client that is not connected is given up. */
  readonly connectTimeoutMs: number;
  /** Messages per second, of all senders together. */
  readonly rate: number;
  readonly durationMs: number;
  /** Time at the beginning whose messages are checked but not timed: programs are slow when they begin. */
  readonly warmupMs: number;
  /** Length of a message's data in bytes. */
  readonly size: number;
  readonly ephemeral: boolean;
  /** Clients in a group, and how many of them send. */
  readonly members: number;
  readonly senders: number;
  /** Time over which clients come back after a storm, and connections that are cut in a second in a soak. */
  readonly spreadMs: number;
  readonly churn: number;
  /** Messages go in over WebSockets or over the HTTP API. */
  readonly via: "socket" | "http";
  /** Requests and calls of the HTTP API per second beside the messages, whose waits are measured. */
  readonly probe: number;
  /** Text of a message for another server than Tidings; `{marker}` stands for what the tester recognises. */
  readonly template?: string | undefined;
  readonly workers: number;
}

/** A flow of numbered messages of one sender to one audience. */
export interface Stream {
  readonly id: number;
  readonly to?: string;
  readonly group?: string;
}

/** What a client does. Each process works it out from the plan. */
export interface Role {
  readonly index: number;
  readonly user: string;
  readonly group?: string | undefined;
  readonly target: Target;
  readonly localAddress?: string | undefined;
  readonly sends: readonly Stream[];
  /** Streams whose messages the client must get. */
  readonly receives: readonly number[];
}

export const userOf = ({ run }: Pick<Plan, "run">, index: number): string => `bench-${run}-${index}`;
const nameOf = (plan: Plan, index: number, users: readonly string[] = []): string =>
  users[index % users.length] ?? userOf(plan, index);
const groupOf = ({ run }: Plan, index: number): string => `bench-${run}-g${index}`;

type Crowd = Pick<Plan, "scenario" | "connections" | "members">;

/** Groups of the plan: all in one, or as many as the members fill. */
export const groupsOf = (plan: Crowd): number => Math.ceil(plan.connections / membersOf(plan));
const membersOf = ({ scenario, connections, members }: Crowd): number =>
  scenario === "fanout" || scenario === "broadcast" ? connections : members;

const GROUPED: readonly ScenarioName[] = ["fanout", "chat", "soak"];
const SILENT: readonly ScenarioName[] = ["connect", "idle"];

/** Streams of all senders together. */
export function streamsOf(plan: Plan): number {
  const { scenario, connections, senders } = plan;
  if (SILENT.includes(scenario)) return 0;
  if (scenario !== "broadcast" && !GROUPED.includes(scenario)) return connections;
  const members = membersOf(plan);
  const rest = connections % members;
  return Math.floor(connections / members) * Math.min(members, senders) + Math.min(rest, senders);
}

/** Clients of a storm that publish, and are not cut. They stand after the others. */
export const publishersOf = ({ scenario, workers }: Plan): number => (scenario === "storm" ? workers : 0);

/** Clients of the whole run. */
export const clientsOf = (plan: Plan): number => plan.connections + publishersOf(plan);

/** The process that holds a client. */
export const workerOf = (plan: Plan, index: number): number => index % plan.workers;

/**
 * The role of a client.
 * @param users ids of the users, for tokens that were given; without them each run has users of its own
 */
export function roleOf(plan: Plan, index: number, users?: readonly string[]): Role {
  const target = plan.targets[index % plan.targets.length] as Target; // a plan has one at least
  const localAddress = plan.sources[index % plan.sources.length];
  const user = nameOf(plan, index, users);
  const base = { index, user, target, localAddress };
  if (index >= plan.connections) return { ...base, sends: toEachOf(plan, index, users), receives: [] };
  if (SILENT.includes(plan.scenario)) return { ...base, sends: [], receives: [] };
  if (plan.scenario === "storm") return { ...base, sends: [], receives: [index] };
  if (plan.scenario === "echo") return { ...base, sends: [{ id: index }], receives: [index] };
  if (plan.scenario === "broadcast" || GROUPED.includes(plan.scenario))
    return { ...base, ...ofGroup(plan, index) };
  return { ...base, ...ofPair(plan, index, users) };
}

/** The n-th publisher of a storm writes to the clients of its own process. */
function toEachOf(plan: Plan, index: number, users: readonly string[] | undefined): Stream[] {
  const streams: Stream[] = [];
  for (let id = 0; id < plan.connections; id++)
    if (workerOf(plan, id) === workerOf(plan, index)) streams.push({ id, to: nameOf(plan, id, users) });
  return streams;
}

function ofGroup(plan: Plan, index: number): Pick<Role, "group" | "sends" | "receives"> {
  const members = membersOf(plan);
  const number = Math.floor(index / members);
  const first = number * members;
  const size = Math.min(members, plan.connections - first);
  const senders = Math.min(size, plan.senders);
  const group = groupOf(plan, number);
  const isSender = index - first < senders;
  return {
    group: GROUPED.includes(plan.scenario) ? group : undefined,
    sends: isSender ? [{ id: index, group }] : [],
    receives: Array.from({ length: senders }, (_, each) => first + each),
  };
}

/**
 * Each user writes to another one: on the next node for `cross-node`, on the own one otherwise. The stream has the number of its
 * sender.
 */
function ofPair(
  plan: Plan,
  index: number,
  users: readonly string[] | undefined,
): Pick<Role, "sends" | "receives"> {
  const step = plan.scenario === "cross-node" ? 1 : plan.targets.length;
  const receiver = (index + step) % plan.connections;
  const sender = (index - step + step * plan.connections) % plan.connections;
  return { sends: [{ id: index, to: nameOf(plan, receiver, users) }], receives: [sender] };
}
