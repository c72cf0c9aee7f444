import { TidingsError } from "../../protocol/protocol.ts";
import { type LocalNode, noNode } from "../local-node.ts";
import type { Addressee, Adjustable, AtOnce, Cluster, Command, CommandResult, NodeStatus } from "../port.ts";

/** Keeps the value of a setting that was changed while the node runs. */
export type KeepSetting = (name: Adjustable, value: string) => Promise<void>;

/** A cluster of one node. */
export class SingleCluster implements Cluster {
  readonly #node: LocalNode;
  readonly #keep: KeepSetting;
  /** Settings that have a value. */
  readonly #set = new Set<Adjustable>();
  /** First values that are being kept. */
  readonly #proposals = new Map<Adjustable, Promise<void>>();
  #status: NodeStatus["status"] = "active";
  /** Changes of a setting that are being kept. */
  readonly #changing: Adjustable[] = [];

  constructor(node: LocalNode, keep: KeepSetting) {
    this.#node = node;
    this.#keep = keep;
  }

  async nodes(): Promise<NodeStatus[]> {
    const { id, ip, port, connections } = this.#node.info;
    return [{ id, ip, port, status: this.#status, connections: connections(), ageMs: 0 }];
  }

  async drain(): Promise<void> {
    this.#node.assertStarted();
    this.#status = "draining";
  }

  async command(command: Command): Promise<CommandResult> {
    return { connections: await this.#node.sink.command(command), unconfirmed: 0 };
  }

  async adjust(name: Adjustable, value: string, atOnce: AtOnce = "follow"): Promise<void> {
    this.#node.assertStarted();
    if (atOnce === "refuse" && this.#changing.includes(name))
      throw new TidingsError("conflict", `${name}: another call changes it at the same time`);
    this.#changing.push(name);
    try {
      await this.#keep(name, value);
      this.restore(name, value);
    } finally {
      this.#changing.splice(this.#changing.indexOf(name), 1);
    }
  }

  async propose(name: Adjustable, value: string): Promise<void> {
    this.#node.assertStarted();
    if (this.#set.has(name)) return;
    const proposal = this.#proposals.get(name) ?? this.adjust(name, value);
    this.#proposals.set(name, proposal);
    await proposal.finally(() => this.#proposals.delete(name));
  }

  /** Puts a value in force that was kept. */
  restore(name: Adjustable, value: string): void {
    this.#set.add(name);
    this.#node.sink.adjusted(name, value);
  }

  async ask(question: string, to: Addressee): Promise<ReadonlyMap<string, string | undefined>> {
    const { id } = this.#node.info;
    if (to.node !== undefined && to.node !== id) throw noNode(to.node);
    return new Map([[id, await this.#node.asked(question, to.timeoutMs)]]);
  }
}
