import { expect, it } from "vitest";
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

const range = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

it.each([
  ["a leading tab", 1],
  ["a SharedWorker", 2],
])(
  "tabs with %s that are frozen and cut off at random get and send every message once",
  async (_way, seed) => {
    const { hub, at } = await startHub();
    const proxy = await startProxy(at.port);
    const browser = new FakeBrowser();
    const options = { user: "alice", ...(seed === 2 && { worker: browser.worker }) };
    const tabs = range(4).map(() => browser.open(`ws://127.0.0.1:${proxy.port}/ws`, options));
    await Promise.all(tabs.map(({ client }) => client.ready.then(() => client.join("g"))));
    const random = randomOf(seed);
    const pick = (): FakeTab => tabs[Math.floor(random() * tabs.length)] as FakeTab; // one of them
    const frozen = new Set<FakeTab>();
    const receipts: Promise<unknown>[] = [];
    const said = { direct: 0, group: 0, own: 0 };
    const actions: (() => unknown)[] = [
      () => hub.user("alice").send({ type: "direct", data: ++said.direct }),
      () => hub.group("g").send({ type: "group", data: ++said.group }),
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
    const heard = ({ heard: all }: FakeTab): number => all.length;
    await eventually("all tabs have all messages", () =>
      tabs.every((tab) => heard(tab) >= said.direct + said.group),
    );
    for (const { heard: all, statuses } of tabs) {
      expect(all.toSorted()).toEqual([...range(said.direct), ...range(said.group)].toSorted());
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
