import type { NodeStatus } from "../../port.ts";
import type { Bus, CallRoll, LocalNode } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import { REGISTRY } from "../wire/keys.ts";
import { VERSION } from "../wire/lines.ts";
import { BEAT, BURY, DESCRIBE, FORGET, LIST_NODES, REGISTER } from "./scripts.ts";

export interface RegistryOptions {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly heartbeatMs: number;
  /** A node that is silent for so long is declared dead by any other. */
  readonly timeoutMs: number;
  /** Takes out everything that an incarnation has. */
  readonly clear: (token: string) => Promise<void>;
  /** Is told on the one node that declared another dead. */
  readonly onDeath?: (node: string, token: string) => void;
  /** Is told when another process lives under the id of this node. */
  readonly onTwin?: (node: string) => void;
}

/** A node as the registry describes it. */
interface Description extends NodeStatus {
  /** The version of what nodes send each other. */
  readonly version: string;
  /** Milliseconds since 1970, by the node's own clock: to be shown, not compared. */
  readonly startedAt: number;
}

/** An earlier incarnation of the same node has no second process that could only be slow: it is given up sooner. */
const FORMER_INTERVALS = 2;

/** The nodes of the cluster: this one says that it lives, and looks after those that do not any more. */
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

  constructor(options: RegistryOptions) {
    this.#connection = options.connection;
    this.#bus = options.bus;
    this.#node = options.node;
    this.#options = options;
  }

  /** Enters this incarnation, or another one if this was declared dead. From then on the heart beats. */
  async register(): Promise<void> {
    let entered = await this.#enter();
    if (entered.length === 0) {
      await this.#bus.renew();
      entered = await this.#enter();
    }
    const namesakes = entered.slice(1);
    // Beside the return, which is not to wait for who may never answer.
    if (namesakes.length > 0) void this.#tellApart(namesakes);
  }

  /** From here on a node that starts again has what it had before cleared up at once. */
  useRollCall(callRoll: CallRoll): void {
    this.#callRoll = callRoll;
  }

  /** Takes everything of this node out, then the node. What fails is left to the other nodes. */
  async leave(): Promise<void> {
    const { token } = this.#bus;
    this.stop();
    await this.#connection.exec(BURY, REGISTRY, [token]);
    await this.#clearUp(token);
  }

  /** One entry for each node; of several incarnations the one heard of last. */
  async nodes(): Promise<NodeStatus[]> {
    const texts = (await this.#connection.run(LIST_NODES, REGISTRY, [])) as string[]; // by the script
    const listed = new Map<string, NodeStatus>();
    for (const text of texts) {
      const { id, ip, port, status, connections } = JSON.parse(text) as Description; // written by #describe
      if (!listed.has(id)) listed.set(id, { id, ip, port, status, connections });
    }
    return [...listed.values()];
  }

  /** The id of the node that an incarnation is of, as far as that is known. */
  async nameOf(token: string): Promise<string | undefined> {
    const text = await this.#connection.run(DESCRIBE, REGISTRY, [token]);
    return typeof text === "string" ? (JSON.parse(text) as Description).id : undefined; // written by #describe
  }

  /** Shows this node as draining. */
  async drain(): Promise<void> {
    this.#connection.assertUp();
    this.#status = "draining";
    await this.#beat();
  }

  /** The heart beats no more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** @returns this incarnation, then others by the same node id; nothing after this one was declared dead */
  async #enter(): Promise<string[]> {
    const args = [this.#bus.token, this.#describe(), this.#node.info.id, this.#pauseMs];
    const answer = await this.#connection.exec(REGISTER, REGISTRY, args);
    this.#timer ??= this.#arm();
    return answer as string[]; // by the script
  }

  /** Who goes by the id of this node is what is left of it after a crash, or another node that lives under the same id. */
  async #tellApart(namesakes: readonly string[]): Promise<void> {
    const { onTwin, onDeath } = this.#options;
    try {
      const { id } = this.#node.info;
      const roll = await this.#callRoll(namesakes);
      if (this.#isStopped) return;
      if ([...roll.values()].includes(true)) onTwin?.(id);
      for (const [token, isThere] of roll) {
        if (isThere) continue;
        if ((await this.#connection.exec(BURY, REGISTRY, [token])) === 1) onDeath?.(id, token);
        await this.#clearUp(token);
      }
    } catch (error) {
      // What is left stays for the heartbeats.
      if (this.#connection.isUp) this.#node.report("registry", error);
    }
  }

  /** Without a heartbeat for so long, something is amiss. */
  get #pauseMs(): number {
    const { heartbeatMs, timeoutMs } = this.#options;
    return Math.min(timeoutMs, FORMER_INTERVALS * heartbeatMs);
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => void this.#turn(), this.#options.heartbeatMs).unref();
  }

  async #turn(): Promise<void> {
    try {
      await this.#beat();
    } catch (error) {
      // An outage is reported by the connection.
      if (this.#connection.isUp) this.#node.report("registry", error);
    }
    if (!this.#isStopped) this.#timer = this.#arm();
  }

  /** Also while the node returns: with many connections that takes its time, and it must not be taken for dead meanwhile. */
  async #beat(): Promise<void> {
    const { timeoutMs, onDeath } = this.#options;
    const args = [this.#bus.token, this.#describe(), this.#node.info.id, timeoutMs, this.#pauseMs];
    const answer = (await this.#connection.exec(BEAT, REGISTRY, args)) as string[]; // by the script
    if (answer.length === 0) {
      // Declared dead, or everything is lost: the return finds out.
      if (this.#connection.isUp) this.#connection.recover();
      return;
    }
    const end = answer.indexOf("");
    for (let index = end + 1; index < answer.length; index += 2) {
      const { id } = JSON.parse(answer[index + 1] ?? "{}") as Partial<Description>; // written by #describe
      onDeath?.(id ?? "", answer[index] ?? "");
    }
    for (const token of answer.slice(0, end)) void this.#clearUpAlone(token);
  }

  async #clearUpAlone(token: string): Promise<void> {
    try {
      await this.#clearUp(token);
    } catch (error) {
      // It stays to be done, by the next heartbeat of any node.
      if (this.#connection.isUp) this.#node.report("registry", error);
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
    };
    return JSON.stringify(description);
  }
}
