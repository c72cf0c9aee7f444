import type { LocalNode } from "../../local-node.ts";
import type { NodeStatus } from "../../port.ts";
import type { Bus, CallRoll } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import { PartitionMoving } from "../partitions/partitions.ts";
import { REGISTRY } from "../wire/keys.ts";
import { LINE, lineOf, VERSION } from "../wire/lines.ts";
import type { Adjustments } from "./adjustments.ts";
import { BEAT, BURY, DESCRIBE, FORGET, LIST_NODES, REGISTER } from "./scripts.ts";
import type { NodeSettings, SharedSettings } from "./settings.ts";

export interface RegistryOptions {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly heartbeatMs: number;
  /** The settings of all nodes. A node that is silent for the longest timeout is declared dead, by any other node. */
  readonly settings: SharedSettings;
  /** Settings that were changed while the nodes run. */
  readonly adjustments: Pick<Adjustments, "refresh">;
  /** Removes everything that an incarnation owns. */
  readonly clear: (token: string) => Promise<void>;
  /** Called on the one node that declared another dead. */
  readonly onDeath?: (node: string, token: string) => void;
  /** Called when another live process has the id of this node: on both. */
  readonly onDuplicateId?: (node: string) => void;
  /** Called when that process is no longer registered. */
  readonly onUniqueId?: () => void;
}

/** A node as the registry describes it. */
interface Description extends Omit<NodeStatus, "ageMs"> {
  /** Version of the format of lines between nodes. */
  readonly version: string;
  /** Milliseconds since 1970, by the node's own clock: to show, not to compare. */
  readonly startedAt: number;
  readonly settings: NodeSettings;
}

/** Token of an incarnation, its description, and the age of this in milliseconds. */
type Incarnation = [token: string, description: Description, ageMs: number];

/**
 * Heartbeat intervals after which an earlier incarnation of this node is declared dead. This process has replaced it, so it
 * cannot be merely slow, and its silence needs no full timeout.
 */
const FORMER_INTERVALS = 2;

/** Fields of each node in the reply of LIST_NODES. */
const FIELDS_PER_NODE = 3;

/** Registry of the nodes of the cluster. Sends the heartbeats of this node, and clears up after nodes that are dead. */
export class Registry {
  readonly #connection: Connection;
  readonly #bus: Bus;
  readonly #node: LocalNode;
  readonly #options: RegistryOptions;
  readonly #startedAt = Date.now();
  readonly #clearing = new Set<string>();
  #callRoll: CallRoll = async () => new Map();
  #status: NodeStatus["status"] = "active";
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #hasNamesake = false;

  constructor(options: RegistryOptions) {
    this.#connection = options.connection;
    this.#bus = options.bus;
    this.#node = options.node;
    this.#options = options;
    // The node that came second finds out, and tells the first.
    options.bus.on(LINE.namesake, () => this.#foundNamesake());
  }

  /**
   * Registers this incarnation, or a new one if this was declared dead, and starts the heartbeats. While the registry is
   * moving to another master, this is left to the heartbeats: the node has to work without it.
   */
  async register(): Promise<void> {
    try {
      await this.#registerNow();
    } catch (error) {
      if (!(error instanceof PartitionMoving)) throw error;
    }
  }

  async #registerNow(): Promise<void> {
    let registered = await this.#register();
    if (registered.length === 0) {
      await this.#bus.renew();
      registered = await this.#register();
    }
    const namesakes = registered.slice(1);
    // Not awaited: recovery must not wait for nodes that may never answer.
    if (namesakes.length > 0) void this.#checkNamesakes(namesakes);
  }

  /** From here on a node that restarts after a crash clears up after its earlier incarnations at once. */
  useRollCall(callRoll: CallRoll): void {
    this.#callRoll = callRoll;
  }

  /** Removes this node from the registry and clears everything it owns. After a failure the other nodes clear the rest. */
  async leave(): Promise<void> {
    this.stop();
    await this.clearAfter(this.#bus.token);
  }

  /**
   * Lists each node once: this one as it is now, the others as of their last heartbeat. Of several incarnations it takes
   * the one with the latest heartbeat.
   */
  async nodes(): Promise<NodeStatus[]> {
    const listed = [...(await this.#listNodes()).values()];
    return listed.map(([, { id, ip, port, status, connections }, ageMs]) => {
      return { id, ip, port, status, connections, ageMs };
    });
  }

  /** Lists the incarnation of each node of {@link nodes}, by the id of the node. */
  async tokens(): Promise<Map<string, string>> {
    const listed = [...(await this.#listNodes())];
    return new Map(listed.map(([id, [token]]) => [id, token]));
  }

  async #listNodes(): Promise<Map<string, Incarnation>> {
    const listed = new Map<string, Incarnation>();
    for (const incarnation of await this.#list()) {
      const [token, { id }] = incarnation;
      if (token === this.#bus.token || !listed.has(id)) listed.set(id, incarnation);
    }
    return listed;
  }

  /** Lists incarnations with their descriptions and the age of these; this one as it is now. */
  async #list(): Promise<Incarnation[]> {
    const found = (await this.#connection.read(LIST_NODES, REGISTRY, [])) as (string | number)[]; // by the script
    const listed: Incarnation[] = [];
    for (let index = 0; index < found.length; index += FIELDS_PER_NODE) {
      const [token, text, ageMs] = found.slice(index, index + FIELDS_PER_NODE);
      const isOwn = token === this.#bus.token;
      const description = JSON.parse(isOwn ? this.#describe() : String(text)) as Description; // written by #describe
      listed.push([String(token), description, isOwn ? 0 : Number(ageMs)]);
    }
    return listed;
  }

  /** Looks up the node id of an incarnation. @returns undefined when the incarnation is not registered */
  async nameOf(token: string): Promise<string | undefined> {
    const text = await this.#connection.run(DESCRIBE, REGISTRY, [token]);
    return typeof text === "string" ? (JSON.parse(text) as Description).id : undefined; // written by #describe
  }

  /**
   * Finds incarnations that are neither registered nor alive, although Redis has something of them: an older state of Redis
   * brings back what was cleared.
   */
  async strangersAmong(tokens: Iterable<string>): Promise<string[]> {
    const registered = new Set((await this.#list()).map(([token]) => token));
    const unknown = [...tokens].filter((token) => !registered.has(token) && token !== this.#bus.token);
    const roll = await this.#callRoll(unknown);
    return unknown.filter((token) => roll.get(token) === false);
  }

  /** Clears everything that a dead incarnation owns. After a failure the next heartbeats clear the rest. */
  async clearAfter(token: string): Promise<void> {
    await this.#connection.exec(BURY, REGISTRY, [token]);
    await this.#clearUp(token);
  }

  /** Shows this node as draining: after an outage too, with the next heartbeat. */
  async drain(): Promise<void> {
    this.#connection.assertReadable(); // else the node has not started, or has stopped
    this.#status = "draining";
    this.#connection.assertUp();
    await this.#beat();
  }

  /** Stops the heartbeats. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** @returns this incarnation, then others with the same node id; nothing when this one was declared dead */
  async #register(): Promise<string[]> {
    const args = [this.#bus.token, this.#describe(), this.#node.info.id, this.#pauseMs];
    this.#timer ??= this.#arm();
    return (await this.#connection.exec(REGISTER, REGISTRY, args)) as string[]; // by the script
  }

  /** Another incarnation with this node's id is left from a crash, or it is a second live node with the same id. A roll call tells. */
  async #checkNamesakes(namesakes: readonly string[]): Promise<void> {
    const { onDeath } = this.#options;
    try {
      const { id } = this.#node.info;
      const roll = await this.#callRoll(namesakes);
      if (this.#isStopped) return;
      if ([...roll.values()].includes(true)) this.#foundNamesake();
      for (const [token, isAlive] of roll) {
        if (isAlive) await this.#bus.tell(token, lineOf(LINE.namesake, id));
        if (isAlive) continue;
        if ((await this.#connection.exec(BURY, REGISTRY, [token])) === 1) onDeath?.(id, token);
        await this.#clearUp(token);
      }
    } catch (error) {
      // The next heartbeats clear the rest.
      if (this.#connection.isNews(error)) this.#node.report("registry", error);
    }
  }

  #foundNamesake(): void {
    this.#hasNamesake = true;
    this.#options.onDuplicateId?.(this.#node.info.id);
  }

  /** Looks whether the other node with this node's id is still there. */
  async #lookForNamesake(): Promise<void> {
    const { id } = this.#node.info;
    const others = (await this.#list()).filter(
      ([token, { id: other }]) => other === id && token !== this.#bus.token,
    );
    if (others.length > 0) return;
    this.#hasNamesake = false;
    this.#options.onUniqueId?.();
  }

  /** Longest silence of an earlier incarnation of this node, and longest normal pause between any two heartbeats of the cluster. */
  get #pauseMs(): number {
    const { heartbeatMs, settings } = this.#options;
    return Math.min(settings.nodeTimeoutMs, FORMER_INTERVALS * heartbeatMs);
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => void this.#heartbeat(), this.#options.heartbeatMs).unref();
  }

  async #heartbeat(): Promise<void> {
    try {
      await this.#beat();
      await this.#options.settings.refresh();
      await this.#options.adjustments.refresh();
      if (this.#hasNamesake) await this.#lookForNamesake();
    } catch (error) {
      // An outage is reported by the connection.
      if (this.#connection.isNews(error)) this.#node.report("registry", error);
    }
    if (!this.#isStopped) this.#timer = this.#arm();
  }

  /** Also beats during recovery: with many connections that takes long, and the node must not be declared dead meanwhile. */
  async #beat(): Promise<void> {
    const { settings, onDeath } = this.#options;
    const { nodeTimeoutMs } = settings;
    const args = [this.#bus.token, this.#describe(), this.#node.info.id, nodeTimeoutMs, this.#pauseMs];
    const answer = (await this.#connection.exec(BEAT, REGISTRY, args)) as string[]; // by the script
    if (answer.length === 0) {
      // This node was declared dead, or Redis lost its data. Recovery handles both.
      if (this.#connection.isUp) this.#connection.recover();
      return;
    }
    const end = answer.indexOf("");
    for (let index = end + 1; index < answer.length; index += 2) {
      const { id } = JSON.parse(answer[index + 1] ?? "{}") as Partial<Description>; // written by #describe
      onDeath?.(id ?? "", answer[index] ?? "");
    }
    for (const token of answer.slice(0, end)) void this.#clearUpSafely(token);
  }

  async #clearUpSafely(token: string): Promise<void> {
    try {
      await this.#clearUp(token);
    } catch (error) {
      // The incarnation stays listed as dying, for the next heartbeat of any node.
      if (this.#connection.isNews(error)) this.#node.report("registry", error);
    }
  }

  async #clearUp(token: string): Promise<void> {
    if (this.#clearing.has(token)) return;
    this.#clearing.add(token);
    try {
      await this.#options.clear(token);
      await this.#connection.exec(FORGET, REGISTRY, [token]);
    } finally {
      this.#clearing.delete(token);
    }
  }

  #describe(): string {
    const { id, ip, port, connections } = this.#node.info;
    const status = this.#status;
    const startedAt = this.#startedAt;
    const description: Description = {
      id,
      ip,
      port,
      version: VERSION,
      status,
      connections: connections(),
      startedAt,
      settings: this.#options.settings.own,
    };
    return JSON.stringify(description);
  }
}
