import type { MemoryLink } from "./memory-link.ts";
import type { Cluster, Command, NodeStatus } from "./port.ts";

/** The cluster of one. */
export class MemoryCluster implements Cluster {
  readonly #link: MemoryLink;
  #status: NodeStatus["status"] = "active";

  constructor(link: MemoryLink) {
    this.#link = link;
  }

  async nodes(): Promise<NodeStatus[]> {
    const { id, ip, port, connections } = this.#link.node;
    return [{ id, ip, port, status: this.#status, connections: connections() }];
  }

  async drain(): Promise<void> {
    this.#link.assertUp();
    this.#status = "draining";
  }

  async command(command: Command): Promise<number> {
    return this.#link.sink.command(command);
  }
}
