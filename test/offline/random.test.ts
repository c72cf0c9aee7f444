import { expect, it } from "vitest";
import type { Receipt } from "../../src/client/client.ts";
import { startProxy } from "../examples/proxy.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { FakeBrowser, type FakeTab } from "./fake-browser.ts";

const STEPS = 100;

/** Numbers from 0 to 1 by a linear congruential generator: a seed gives the same steps again. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

const TYPES = ["direct", "group", "team"] as const;
type Heard = Record<(typeof TYPES)[number], unknown[]>;

/** The data of a tab's messages by their type, as they came. */
function listen({ client }: FakeTab): Heard {
  const heard: Heard = { direct: [], group: [], team: [] };
  for (const type of TYPES) client.on(type, ({ data }) => heard[type].push(data));
  return heard;
}

const range = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

it.each([
  ["a leading tab", 1],
  ["a SharedWorker", 2],
])(
  "tabs with %s that are frozen and cut off at random get and send every message once",
  async (_way, seed) => {
    const { hub, at } = await startHub();
    // A durable membership, which no tab joins.
    await hub.group("team").add("alice");
    const proxy = await startProxy(at.port);
    const browser = new FakeBrowser();
    const options = { user: "alice", ...(seed === 2 && { worker: browser.worker }) };
    const tabs = range(4).map(() => browser.open(`ws://127.0.0.1:${proxy.port}/ws`, options));
    const heard = tabs.map(listen);
    await Promise.all(tabs.map(({ client }) => client.ready.then(() => client.join("g"))));
    const random = randomOf(seed);
    const pick = (): FakeTab => tabs[Math.floor(random() * tabs.length)] as FakeTab; // one of them
    const frozen = new Set<FakeTab>();
    const receipts: Promise<unknown>[] = [];
    const said = { direct: 0, group: 0, team: 0, own: 0 };
    let last: Receipt | undefined;
    const actions: (() => unknown)[] = [
      async () => {
        last = await hub.user("alice").send({ type: "direct", data: ++said.direct });
      },
      () => hub.group("g").send({ type: "group", data: ++said.group }),
      () => hub.group("team").send({ type: "team", data: ++said.team }),
      // The notice takes an offset that pages of the history leave out.
      () => last && hub.edit("user:alice", { id: last.id, offset: last.offset ?? 0, data: said.direct }),
      () => receipts.push(pick().client.send({ type: "chat", to: "bob", data: ++said.own })),
      () => {
        const tab = pick();
        if (frozen.size < 3) frozen.add(tab);
        if (frozen.has(tab)) tab.fire("freeze");
      },
      () => {
        for (const tab of frozen) tab.fire("resume");
        frozen.clear();
      },
      () => proxy.cut(),
    ];
    for (let step = 0; step < STEPS; step++) {
      await actions[Math.floor(random() ** 2 * actions.length)]?.();
      // Some steps meet others on their way.
      if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, random() * 50));
    }
    for (const tab of frozen) tab.fire("resume");
    await Promise.all(receipts);
    await eventually("all tabs have all messages", () =>
      heard.every((all) => TYPES.every((type) => all[type].length >= said[type])),
    );
    for (const all of heard) {
      for (const type of TYPES) expect(all[type]).toEqual(range(said[type]));
    }
    for (const { statuses } of tabs) {
      expect(statuses.filter((type) => ["lost", "error"].includes(type))).toEqual([]);
    }
    await eventually("the outbox is empty", () =>
      tabs.every(({ client }) => client.outbox.messages.length === 0),
    );
    const { messages } = await hub.history("user:bob", { limit: 200 });
    expect(messages.map(({ data }) => data)).toEqual(range(said.own));
    expect(await hub.user("alice").connections()).toHaveLength(1);
  },
);
