import type {
  Backplane,
  BackplaneSink,
  Command,
  ConnectionRules,
  Message,
  Reached,
  RetentionRules,
  RoomChange,
  StoredMessage,
} from "../backplane/backplane.ts";
import type { Channel, ConnectionInfo, Position } from "../protocol/protocol.ts";

/** Options that a contract test may set; each implementation chooses everything else. */
export interface ClusterOptions {
  /** Messages retained per channel. @default 1_000 */
  readonly count?: number;
  /** @default 3_600_000 // 1 h */
  readonly ageMs?: number;
  /** Bytes at which a page of history ends. @default 262_144 // 256 KiB */
  readonly pageBytes?: number;
  /** Bytes of messages that a channel retains. @default 16_777_216 // 16 MiB */
  readonly channelBytes?: number;
  /** Retention of some channels. @default as that of all others */
  readonly channels?: RetentionRules;
  /** Devices of a user that have a cursor, at most. @default 32 */
  readonly devicesPerUser?: number;
  /** @default 3_600_000 // 1 h */
  readonly idempotencyWindowMs?: number;
  /** @default 20 */
  readonly graceMs?: number;
  /** Heartbeat of the registry, where there is one, in milliseconds. @default 10_000 // 10 s */
  readonly heartbeatMs?: number;
}

/** Backplanes that share everything, one for each node, not started yet. */
export interface TestCluster {
  readonly backplanes: readonly Backplane[];
  /** The clock of history's age and the idempotency window: milliseconds since 1970. */
  now(): number;
  /** Advances that clock; waits if the clock cannot be set. */
  advance(ms: number): Promise<void>;
  /** Makes the backplane lose the histories of all channels that have one, but not their cursors. */
  loseHistories(): Promise<void>;
}

export interface Implementation {
  /** Maximum of nodes that can share one backplane. */
  readonly nodes: number;
  createCluster(nodes: number, options: ClusterOptions): Promise<TestCluster>;
}

/** One node of a cluster under test. */
export interface TestNode
  extends Pick<
    Backplane,
    "broker" | "idempotency" | "routes" | "cursors" | "memberships" | "presence" | "rooms" | "cluster"
  > {
  readonly id: string;
  readonly backplane: Backplane;
  readonly sink: RecordingSink;
}

export interface StartedCluster extends TestCluster, AsyncDisposable {
  readonly nodes: readonly TestNode[];
  /** The first node. */
  readonly node: TestNode;
  /** The second node, which only tests for several nodes have. */
  readonly other: TestNode;
  /** A message of the present time. */
  message(channel: Channel, fields?: Partial<Message>): Message;
}

/** Starts a cluster with recording sinks; `await using` stops it. */
export async function startCluster(
  { createCluster }: Implementation,
  options: ClusterOptions = {},
  count = 1,
): Promise<StartedCluster> {
  const cluster = await createCluster(count, options);
  const nodes: TestNode[] = [];
  for (const backplane of cluster.backplanes) {
    const node = { id: `n${nodes.length + 1}`, backplane, sink: new RecordingSink() };
    await backplane.start({ id: node.id, ip: "127.0.0.1", port: 8080, connections: () => 7 }, node.sink);
    nodes.push({ ...backplane, ...node });
  }
  let messages = 0;
  return {
    ...cluster,
    nodes,
    node: nodeAt(nodes, 0),
    get other() {
      return nodeAt(nodes, 1);
    },
    message: (channel, fields) => ({
      id: `m${++messages}`,
      type: "chat",
      body: `"${messages}"`,
      timestamp: cluster.now(),
      channel,
      ...fields,
    }),
    async [Symbol.asyncDispose]() {
      for (const { backplane } of nodes) await backplane.stop();
    },
  };
}

/**
 * Gives the second node a member of group `g`, and the first one the route: from here on no message to it waits for a
 * look-up.
 */
export async function acquaint({ node, other, message }: StartedCluster): Promise<void> {
  await other.routes.join("g", "alice");
  await node.broker.relay(message("group:g"));
  await other.sink.until(() => other.sink.delivered.length === 1);
  other.sink.delivered.length = 0;
}

function nodeAt(nodes: readonly TestNode[], index: number): TestNode {
  const node = nodes[index];
  if (node === undefined) throw new Error(`the cluster has no node ${index + 1}`);
  return node;
}

/** Records everything that arrives, and lets a test wait for it. */
export class RecordingSink implements BackplaneSink {
  readonly delivered: (Message | StoredMessage)[] = [];
  readonly acknowledgements: { channel: Channel; user: string; offset: number }[] = [];
  readonly losses: { channel: Channel; position: Position }[] = [];
  readonly changes: { user: string; online: boolean }[] = [];
  readonly rooms: RoomChange[] = [];
  readonly occupancy: { group: string; isOccupied: boolean }[] = [];
  readonly commands: Command[] = [];
  readonly questions: string[] = [];
  readonly adjustments: { name: string; value: string }[] = [];
  /** Tells whether the backplane knows the connections of all nodes. */
  isSettled = (): boolean => true;
  /** Answer of `deliver` and `command`. */
  connections = 1;
  /** Answer of `asked`. */
  answer: Promise<string> | string = "";
  /** Stages that may report. A report of any other stage throws. */
  readonly mayReport = new Set<string>();
  #waiting: { condition: () => boolean; resolve: () => void }[] = [];

  deliver(message: Message | StoredMessage): Reached {
    this.#arrived(() => this.delivered.push(message));
    return { connections: this.connections, dropped: 0 };
  }

  acknowledged(channel: Channel, user: string, offset: number): void {
    this.#arrived(() => this.acknowledgements.push({ channel, user, offset }));
  }

  lost(channel: Channel, position: Position): void {
    this.#arrived(() => this.losses.push({ channel, position }));
  }

  presence(user: string, online: boolean): void {
    this.#arrived(() => this.changes.push({ user, online }));
  }

  presenceMissed(isSettled: () => boolean): void {
    this.isSettled = isSettled;
  }

  room(change: RoomChange): void {
    this.#arrived(() => this.rooms.push(change));
  }

  occupied(group: string, isOccupied: boolean): void {
    this.#arrived(() => this.occupancy.push({ group, isOccupied }));
  }

  async command(command: Command): Promise<number> {
    this.#arrived(() => this.commands.push(command));
    return this.connections;
  }

  async asked(question: string): Promise<string> {
    this.#arrived(() => this.questions.push(question));
    return this.answer;
  }

  adjusted(name: string, value: string): void {
    this.#arrived(() => this.adjustments.push({ name, value }));
  }

  report(stage: string, error: unknown): void {
    if (!this.mayReport.has(stage)) throw new Error(`reported: ${stage}`, { cause: error });
  }

  /** Resolves as soon as the condition holds; it is checked whenever something arrives. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ condition, resolve });
    const failure = new Error(`waited ${LIMIT_MS / 1_000} s in vain until it holds: ${condition}`);
    const overdue = setTimeout(() => reject(failure), LIMIT_MS);
    await promise.finally(() => clearTimeout(overdue));
  }

  /** The offsets of a channel as they arrived. */
  offsets(channel: Channel): number[] {
    return this.delivered.flatMap((message) =>
      message.channel === channel && "offset" in message ? [message.offset] : [],
    );
  }

  /** Presence changes of a user in their order; there is no order between users. */
  changesOf(user: string): boolean[] {
    return this.changes.flatMap((change) => (change.user === user ? [change.online] : []));
  }

  #arrived(record: () => void): void {
    record();
    const fulfilled = this.#waiting.filter(({ condition }) => condition());
    this.#waiting = this.#waiting.filter((waiting) => !fulfilled.includes(waiting));
    for (const { resolve } of fulfilled) resolve();
  }
}

/** 1, 2, … up to a number. */
export const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

export const NO_RULES: ConnectionRules = { maxPerUser: 0, perUserPolicy: "reject", onePerPlatform: false };

let connections = 0;

/** A connection of a user on a node, with an id of its own. */
export function connectionOf(node: TestNode, user: string, platform = "web"): ConnectionInfo {
  return {
    id: `c${++connections}`,
    user,
    platform,
    device: platform,
    node: node.id,
    connectedAt: connections,
  };
}

/** Time in which an event must come, in milliseconds. */
const LIMIT_MS = 150_000;

/** Between two looks at a condition, in milliseconds. */
const PAUSE_MS = 10;

/** Looks at a condition until it holds. @throws Error with `what` in it after a minute */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${LIMIT_MS / 1_000} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
