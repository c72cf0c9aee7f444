import { setTimeout as sleep } from "node:timers/promises";
import { groupChannel, targetOf, userChannel } from "../../../src/protocol/protocol.ts";
import { eventually } from "../../support/eventually.ts";
import { Dice } from "../plan.ts";
import type { World } from "../world.ts";
import { Person } from "./person.ts";
import { Watcher } from "./watcher.ts";
import { BurstWriter, HttpWriter, KeyedWriter, publish, type Sent, type Writer } from "./writers.ts";

const GROUPS = ["g1", "g2"];
/** Nobody writes to it before the faults are over: its members notice nothing by themselves. */
const QUIET = "quiet";

const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  ada: GROUPS,
  bea: GROUPS,
  cia: ["g1"],
  dora: ["g2"],
  quentin: [QUIET],
  quincy: [QUIET],
};
const VISITORS: Readonly<Record<string, readonly string[]>> = {
  vera: ["g1"],
  vic: ["g2", QUIET],
  viola: GROUPS,
};
const WRITTEN_TO = ["ada", "bea", "cia", "dora", "vera", "vic", "viola"];

/** Bounds of a visit, and of the time until the next. */
const VISIT_MS = [300, 4_000] as const;
/** For an answer when the faults are over: a busy machine is no fault. */
const CALM_TIMEOUT_MS = 60_000;
/** Between two attempts to be heard by the deaf. */
const PROBE_MS = 500;

/** The people of a round: some stay, some come and go, some write, some watch. `await using` sends them home. */
export class Crowd implements AsyncDisposable {
  readonly people: readonly Person[];
  readonly watchers: readonly Watcher[];
  readonly #visitors: readonly Person[];
  readonly #writers: readonly Writer[];
  readonly #url: string;
  readonly #running: Promise<unknown>;
  readonly #visiting: Promise<unknown>;
  readonly #probes: Sent[] = [];
  #goOn = true;

  constructor(
    world: World,
    people: { stay: readonly Person[]; visit: readonly Person[] },
    watchers: readonly Watcher[],
    dice: Dice,
  ) {
    this.people = [...people.stay, ...people.visit];
    this.watchers = watchers;
    this.#visitors = people.visit;
    this.#url = world.url;
    const channels = [...WRITTEN_TO.map(userChannel), ...GROUPS.map(groupChannel)];
    this.#writers = [
      new KeyedWriter("writer-1", channels, 15, world),
      new KeyedWriter("writer-2", channels, 15, world),
      new HttpWriter("writer-3", channels, 15, world),
      new HttpWriter("writer-4", channels, 15, world),
      new BurstWriter("writer-5", channels, 500, world),
    ];
    this.#running = Promise.all(this.#writers.map((writer) => writer.run()));
    this.#running.catch(() => undefined); // it is awaited when the faults are over
    this.#visiting = Promise.all(
      people.visit.map((visitor) => this.#comeAndGo(visitor, new Dice(dice.seed()))),
    );
  }

  get sent(): readonly Sent[] {
    return [...this.#writers.flatMap(({ sent }) => sent), ...this.#probes];
  }

  get present(): readonly Person[] {
    return this.people.filter(({ client }) => client !== undefined);
  }

  /** Users who are connected besides {@link people}, once the writers have left. */
  get others(): readonly string[] {
    return this.watchers.flatMap(({ client }) => client.user ?? []);
  }

  /** A line for each client that is not connected now. */
  notConnected(): string[] {
    const clients = [
      ...this.present.map(({ client }) => client),
      ...this.watchers.map(({ client }) => client),
    ];
    const people = this.present.filter(({ hasSettled }) => !hasSettled);
    return [
      ...clients.flatMap((client) =>
        client?.state === "open" ? [] : [`${client?.user} is ${client?.state}`],
      ),
      ...people.map(({ name }) => `${name} has not joined its groups`),
    ];
  }

  /** Ends the writing and the visits. @throws Error when a message is not accepted in time */
  async stopWriting(limitMs: number): Promise<void> {
    this.#goOn = false;
    for (const writer of this.#writers) writer.stop();
    const stopped = Promise.all([this.#running, this.#visiting]).then(() => true);
    await eventually("every writer has a receipt", () => stopped, limitMs);
  }

  /** Stores a message for each person and group, from each node. */
  async probe({ nodes }: World): Promise<readonly Sent[]> {
    const channels = [
      ...this.people.map(({ name }) => userChannel(name)),
      ...[...GROUPS, QUIET].map(groupChannel),
    ];
    for (const node of nodes) {
      for (const [n, channel] of channels.entries()) {
        const writer = `probe-${node.process.id}`;
        const sent: Sent = { id: `${writer}#${n}`, writer, n, channel, at: Date.now(), outcome: "pending" };
        this.#probes.push(sent);
        await publish(node, sent, CALM_TIMEOUT_MS);
      }
    }
    return this.#probes;
  }

  /** Sends an ephemeral message to everybody from each node. @returns a line for each person whom one did not reach */
  async deaf({ nodes }: World): Promise<string[]> {
    const lines = await Promise.all(
      nodes.flatMap((node) =>
        this.present.map(async (person) => {
          const id = `${node.process.id} to ${person.name}`;
          if (person.ephemeral.has(id)) return [];
          const message = { type: "n", data: id, ephemeral: true, ...targetOf(userChannel(person.name)) };
          await node.ask("/ws/message", message);
          await sleep(PROBE_MS);
          return person.ephemeral.has(id) ? [] : [`deaf: no ephemeral message came from ${id}`];
        }),
      ),
    );
    return lines.flat();
  }

  /** All who are away come. */
  async everybodyComes(): Promise<void> {
    for (const visitor of this.#visitors) if (visitor.client === undefined) visitor.come(this.#url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#goOn = false;
    for (const writer of this.#writers) writer.stop();
    await Promise.all([
      ...this.people.map((person) => person.leave()),
      ...this.watchers.map(({ client }) => client.close()),
    ]);
  }

  async #comeAndGo(visitor: Person, dice: Dice): Promise<void> {
    for (;;) {
      await sleep(dice.whole(...VISIT_MS));
      if (!this.#goOn) return;
      if (visitor.client === undefined) visitor.come(this.#url);
      else await visitor.leave();
    }
  }
}

/** Everybody comes and joins; then the writers begin. */
export async function gather(world: World, dice: Dice): Promise<Crowd> {
  const stay = Object.entries(MEMBERS).map(([name, groups]) => new Person(name, groups));
  const visit = Object.entries(VISITORS).map(([name, groups]) => new Person(name, groups));
  const everybody = [...stay, ...visit];
  for (const person of everybody) person.come(world.url);
  await eventually("everybody has joined", () => everybody.every(({ hasSettled }) => hasSettled));
  const names = everybody.map(({ name }) => name);
  const watchers = ["watcher-1", "watcher-2"].map((name) => new Watcher(world.url, name, names));
  await Promise.all(watchers.map((watcher) => watcher.watch()));
  return new Crowd(world, { stay, visit }, watchers, dice);
}
