import type { MemoryLink } from "./memory-link.ts";
import { SetMap } from "./memory-sets.ts";
import type { Memberships } from "./port.ts";

export class MemoryMemberships implements Memberships {
  readonly #link: MemoryLink;
  readonly #groups = new SetMap();
  readonly #members = new SetMap();

  constructor(link: MemoryLink) {
    this.#link = link;
  }

  async add(group: string, user: string): Promise<void> {
    this.#link.assertUp();
    this.#groups.add(user, group);
    this.#members.add(group, user);
  }

  async remove(group: string, user: string): Promise<void> {
    this.#link.assertUp();
    this.#groups.delete(user, group);
    this.#members.delete(group, user);
  }

  async groupsOf(user: string): Promise<string[]> {
    this.#link.assertUp();
    return this.#groups.list(user);
  }

  async membersOf(group: string): Promise<string[]> {
    this.#link.assertUp();
    return this.#members.list(group);
  }
}
