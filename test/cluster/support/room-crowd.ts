import type { NodeProcess } from "../../support/nodes/nodes.ts";
import { Peer } from "../../support/peer.ts";

interface Person {
  readonly user: string;
  node: NodeProcess;
  peer: Peer;
  joined: boolean;
  /** Undefined without data. */
  data: number | undefined;
}

/** Connections that are opened at a time. */
const AT_A_TIME = 50;

/** Users of one group, on several nodes, who join, leave and change their data; and the truth about them. */
export class Crowd implements AsyncDisposable {
  readonly #group: string;
  #people: Person[] = [];
  #lost: Person[] = [];
  #changes = 0;

  constructor(group: string) {
    this.#group = group;
  }

  /** Users who have joined, sorted. */
  get names(): string[] {
    return this.#present.map(({ user }) => user).sort();
  }

  get data(): Record<string, number | undefined> {
    return Object.fromEntries(this.#present.map(({ user, data }) => [user, data]));
  }

  get #present(): Person[] {
    return this.#people.filter(({ joined }) => joined);
  }

  /** Connects users, and joins them, by turns on these nodes. */
  async join(count: number, nodes: readonly NodeProcess[]): Promise<void> {
    await inTurns(
      Array.from({ length: count }, (_, index) => index),
      async (index) => {
        const user = `u${String(index).padStart(4, "0")}`;
        const node = nodes[index % nodes.length];
        if (node === undefined) throw new Error("no nodes");
        const peer = await Peer.connect(node.urlOf(user));
        const person: Person = { user, node, peer, joined: false, data: undefined };
        this.#people.push(person);
        await this.#toggle(person);
      },
    );
  }

  /** Makes changes, spread over everybody: leaves and joins, and more updates. */
  async churn(count: number): Promise<void> {
    await inTurns(
      Array.from({ length: count }, (_, index) => index),
      async (index) => {
        const person = this.#people[(index * 7_919) % this.#people.length];
        if (person === undefined) return;
        if (index % 4 === 0 || !person.joined) await this.#toggle(person);
        else await this.#update(person);
      },
    );
  }

  /** Resolves when all connections to a node have ended; their users count no more. */
  async endOf(node: NodeProcess): Promise<void> {
    const lost = this.#people.filter((person) => person.node === node);
    this.#people = this.#people.filter((person) => person.node !== node);
    this.#lost.push(...lost);
    await Promise.all(lost.map(({ peer }) => peer.closed));
  }

  /** Every second user who was lost connects again, on one of these nodes, and joins without data. */
  async comeBack(nodes: readonly NodeProcess[]): Promise<void> {
    const back = this.#lost.filter((_, index) => index % 2 === 0);
    await inTurns(back, async (person) => {
      const node = nodes[this.#changes++ % nodes.length];
      if (node === undefined) throw new Error("no nodes");
      person.node = node;
      person.peer = await Peer.connect(node.urlOf(person.user));
      person.joined = false;
      await this.#toggle(person);
      this.#people.push(person);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { peer } of [...this.#people, ...this.#lost]) peer.socket.terminate();
  }

  async #toggle(person: Person): Promise<void> {
    const { peer } = person;
    const data = ++this.#changes;
    if (person.joined) await done(peer.request("group.leave", { group: this.#group }));
    else await done(peer.request("group.join", { group: this.#group, data }));
    person.joined = !person.joined;
    person.data = person.joined ? data : undefined;
  }

  async #update(person: Person): Promise<void> {
    const data = ++this.#changes;
    await done(person.peer.request("group.update", { group: this.#group, data }));
    person.data = data;
  }
}

async function done(reply: Promise<Record<string, unknown>>): Promise<void> {
  const { error } = await reply;
  if (error !== undefined) throw new Error(JSON.stringify(error));
}

/** Works on items in the order of the list, some at a time: one of a user ends before the next one begins. */
async function inTurns<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_A_TIME) {
    await Promise.all(items.slice(start, start + AT_A_TIME).map(work));
  }
}
