import type { LocalNode } from "../local-node.ts";
import type { Adjustable, Cluster, Command, CommandResult, NodeStatus } from "../port.ts";

/** A cluster of one node. */
export class MemoryCluster implements Cluster {
  readonly #node: LocalNode;
  #status: NodeStatus["status"] = "active";

  constructor(node: LocalNode) {
    this.#node = node;
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

  /** The value ends with the process. */
  async adjust(name: Adjustable, value: string): Promise<void> {
    this.#node.sink.adjusted(name, value);
  }
}
