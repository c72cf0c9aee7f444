import type { Cluster, Command, NodeStatus } from "../port.ts";
import type { MemoryNode } from "./node.ts";

/** A cluster of one node. */
export class MemoryCluster implements Cluster {
  readonly #node: MemoryNode;
  #status: NodeStatus["status"] = "active";

  constructor(node: MemoryNode) {
    this.#node = node;
  }

  async nodes(): Promise<NodeStatus[]> {
    const { id, ip, port, connections } = this.#node.info;
    return [{ id, ip, port, status: this.#status, connections: connections() }];
  }

  async drain(): Promise<void> {
    this.#node.assertUp();
    this.#status = "draining";
  }

  async command(command: Command): Promise<number> {
    return this.#node.sink.command(command);
  }
}
