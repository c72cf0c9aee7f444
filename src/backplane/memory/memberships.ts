import type { LocalNode } from "../local-node.ts";
import type { Memberships } from "../port.ts";
import type { DurableMembers } from "../single/single.ts";
import { SetMap } from "./set-map.ts";

const NO_ONE: ReadonlyMap<string, number> = new Map();

export class MemoryMemberships implements Memberships, DurableMembers {
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
    return this.isIn(group, user);
  }

  async groupsOf(user: string): Promise<string[]> {
    this.#node.assertStarted();
    return this.#groups.list(user);
  }

  async membersOf(group: string): Promise<string[]> {
    this.#node.assertStarted();
    return [...(this.#members.get(group) ?? NO_ONE).keys()];
  }

  countIn(group: string): number {
    return this.#members.get(group)?.size ?? 0;
  }

  isIn(group: string, user: string): boolean {
    return this.#members.get(group)?.has(user) ?? false;
  }

  /** All places: the caller passes over those before its page. */
  placesIn(group: string): ReadonlyMap<string, number> {
    return this.#members.get(group) ?? NO_ONE;
  }
}
