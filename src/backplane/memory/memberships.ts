import type { LocalNode } from "../local-node.ts";
import type { Memberships } from "../port.ts";
import { SetMap } from "./set-map.ts";

export class MemoryMemberships implements Memberships {
  readonly #node: LocalNode;
  readonly #groups = new SetMap();
  readonly #members = new SetMap();

  constructor(node: LocalNode) {
    this.#node = node;
  }

  async add(group: string, user: string): Promise<void> {
    this.#node.assertStarted();
    this.#groups.add(user, group);
    this.#members.add(group, user);
  }

  async remove(group: string, user: string): Promise<void> {
    this.#node.assertStarted();
    this.#groups.delete(user, group);
    this.#members.delete(group, user);
  }

  async has(group: string, user: string): Promise<boolean> {
    this.#node.assertStarted();
    return this.#members.has(group, user);
  }

  async groupsOf(user: string): Promise<string[]> {
    this.#node.assertStarted();
    return this.#groups.list(user);
  }

  async membersOf(group: string): Promise<string[]> {
    this.#node.assertStarted();
    return this.#members.list(group);
  }
}
