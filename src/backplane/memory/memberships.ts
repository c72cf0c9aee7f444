import type { Memberships } from "../port.ts";
import type { MemoryNode } from "./node.ts";
import { SetMap } from "./set-map.ts";

export class MemoryMemberships implements Memberships {
  readonly #node: MemoryNode;
  readonly #groups = new SetMap();
  readonly #members = new SetMap();

  constructor(node: MemoryNode) {
    this.#node = node;
  }

  async add(group: string, user: string): Promise<void> {
    this.#node.assertUp();
    this.#groups.add(user, group);
    this.#members.add(group, user);
  }

  async remove(group: string, user: string): Promise<void> {
    this.#node.assertUp();
    this.#groups.delete(user, group);
    this.#members.delete(group, user);
  }

  async groupsOf(user: string): Promise<string[]> {
    this.#node.assertUp();
    return this.#groups.list(user);
  }

  async membersOf(group: string): Promise<string[]> {
    this.#node.assertUp();
    return this.#members.list(group);
  }
}
