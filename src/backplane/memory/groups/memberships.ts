import type { LocalNode } from "../../local-node.ts";
import type { Memberships } from "../../port.ts";
import { SetMap } from "./set-map.ts";

const NO_ONE: ReadonlyMap<string, number> = new Map();

export class MemoryMemberships implements Memberships {
  readonly #node: LocalNode;
  readonly #groups = new SetMap();
  /** Members of each group, with the number of the addition, in their order. */
  readonly #members = new Map<string, Map<string, number>>();
  #additions = 0;

  constructor(node: LocalNode) {
    this.#node = node;
  }

  async add(group: string, user: string): Promise<void> {
    this.#node.assertStarted();
    this.#groups.add(user, group);
    const members = this.#members.get(group) ?? new Map<string, number>();
    this.#members.set(group, members);
    if (!members.has(user)) members.set(user, ++this.#additions);
  }

  async remove(group: string, user: string): Promise<void> {
    this.#node.assertStarted();
    this.#groups.delete(user, group);
    const members = this.#members.get(group);
    if (members?.delete(user) && members.size === 0) this.#members.delete(group);
  }

  async has(group: string, user: string): Promise<boolean> {
    this.#node.assertStarted();
    return this.placesIn(group).has(user);
  }

  async groupsOf(user: string): Promise<string[]> {
    this.#node.assertStarted();
    return this.#groups.list(user);
  }

  async membersOf(group: string): Promise<string[]> {
    this.#node.assertStarted();
    return [...this.placesIn(group).keys()];
  }

  /** Members of a group, with the order in which they were added. */
  placesIn(group: string): ReadonlyMap<string, number> {
    return this.#members.get(group) ?? NO_ONE;
  }
}
