/** Links to the neighbours, which each member carries itself. */
export interface Linked<Member> {
  older: Member | undefined;
  newer: Member | undefined;
}

/**
 * List of members in the order of their last use. A linked list, because a Map used as a queue walks over its deleted
 * entries at every read of its first one.
 */
export class LruList<Member extends Linked<Member>> {
  #oldest: Member | undefined;
  #newest: Member | undefined;

  /** Adds a member that is in no list, as the newest. */
  add(member: Member): void {
    member.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = member;
    else this.#newest.newer = member;
    this.#newest = member;
  }

  remove(member: Member): void {
    const { older, newer } = member;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    member.older = undefined;
    member.newer = undefined;
  }

  /** Makes a member the newest. */
  use(member: Member): void {
    if (member === this.#newest) return;
    this.remove(member);
    this.add(member);
  }

  oldestBut(member: Member): Member | undefined {
    return this.#oldest === member ? member.newer : this.#oldest;
  }
}

/** Members of one kind and about one size, and their bytes together. */
export class Shelf<Member extends Linked<Member>> {
  readonly list = new LruList<Member>();
  bytes = 0;
}
