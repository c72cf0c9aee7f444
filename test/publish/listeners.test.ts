import fc from "fast-check";
import { expect, test } from "vitest";
import type { HistoryPage, HistoryQuery, StoredMessage } from "../../src/backplane/backplane.ts";
import { TidingsError } from "../../src/protocol/protocol.ts";
import { Listener } from "../../src/publish/listening/listener.ts";

/** Messages of a page: few, so that there are many pages. */
const PAGE = 3;

/** A history of one channel, whose reads fail when the test says so. */
class Store {
  readonly messages: StoredMessage[] = [];
  failures = 0;
  reads = 0;

  append(): StoredMessage {
    const offset = this.messages.length + 1;
    const message = { ...{ id: `m${offset}`, type: "n", body: String(offset), timestamp: 1 }, ...CHANNEL };
    const stored: StoredMessage = { ...message, offset, epoch: "e" };
    this.messages.push(stored);
    return stored;
  }

  readonly read = async (query: HistoryQuery): Promise<HistoryPage> => {
    this.reads++;
    const { messages } = this;
    const last = messages.length;
    // The store has read before its answer has arrived.
    const after = "after" in query ? query.after : last;
    const page = { epoch: "e", first: 1, last, messages: messages.slice(after, after + PAGE) };
    await new Promise((resolve) => setImmediate(resolve));
    if (this.failures === 0) return page;
    this.failures--;
    throw new TidingsError("unavailable", "no store");
  };
}

const CHANNEL = { channel: "group:g" } as const;

/** Collects the texts of a listener until it has the last of so many. */
async function collect(listener: Listener, signal: AbortSignal, seen: string[]): Promise<void> {
  try {
    for await (const { message, lost } of listener.events("first", signal)) {
      expect(lost).toBe(false);
      if (message !== undefined) seen.push(message.body);
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Steps: a message that is heard at once, late, twice or never; a look at the position; a read that fails; a moment of rest. */
const STEPS = ["heard", "late", "twice", "unheard", "look", "fail", "rest"] as const;

test("a listener gets every message once and in order, whatever it hears of them and when", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...STEPS), { maxLength: 80 }), async (steps) => {
      const store = new Store();
      const listener = new Listener(store.read, false);
      const seen: string[] = [];
      const end = new AbortController();
      const collecting = collect(listener, end.signal, seen);
      const late: StoredMessage[] = [];
      const look = (): void => listener.check({ epoch: "e", offset: store.messages.length });
      await turn();
      for (const step of steps) {
        if (step === "heard") listener.heard(store.append());
        else if (step === "late") late.push(store.append());
        else if (step === "unheard") store.append();
        else if (step === "look") look();
        else if (step === "fail") store.failures = seen.length === 0 ? 0 : 1;
        else if (step === "rest") await turn();
        else for (let message = store.append(), time = 0; time < 2; time++) listener.heard(message);
        if (step !== "late") for (const message of late.splice(0)) listener.heard(message);
      }
      store.failures = 0;
      for (let time = 0; time < 1_000 && seen.length < store.messages.length; time++) {
        look();
        await turn();
      }
      end.abort();
      await collecting;
      expect(seen).toEqual(store.messages.map(({ body }) => body));
    }),
    { numRuns: 300, examples: [[["heard", "rest", "look", "rest", "heard", "fail", "rest"]]] },
  );
});

test("a listener that keeps up reads the history once only", async () => {
  const store = new Store();
  const listener = new Listener(store.read, false);
  const events = listener.events("now", new AbortController().signal);
  await events.next();
  const first = events.next();
  await turn();
  await turn();
  const { reads } = store;
  for (let count = 0; count < 100; count++) listener.heard(store.append());
  expect((await first).value?.message?.offset).toBe(1);
  for (let offset = 2; offset <= 100; offset++)
    expect((await events.next()).value?.message?.offset).toBe(offset);
  expect(store.reads).toBe(reads);
});

test("a listener that is slow keeps a bounded number of messages, and reads the rest", async () => {
  const store = new Store();
  const listener = new Listener(store.read, false);
  const events = listener.events("now", new AbortController().signal);
  await events.next();
  const first = events.next();
  await turn();
  await turn();
  const { reads } = store;
  for (let count = 0; count < 1_000; count++) listener.heard(store.append());
  expect((await first).value?.message?.offset).toBe(1);
  for (let offset = 2; offset <= 1_000; offset++)
    expect((await events.next()).value?.message?.offset).toBe(offset);
  expect(store.reads).toBeGreaterThan(reads);
});
