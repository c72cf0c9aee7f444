import { describe, expect, it } from "vitest";
import type { OfflineOptions } from "../../src/offline/options.ts";
import { Store } from "../../src/offline/store.ts";
import { startProxy } from "../examples/proxy.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { FakeBrowser, type FakeTab } from "./fake-browser.ts";

/** A hub behind a network that can break, and a browser. */
async function place() {
  const { hub, at } = await startHub();
  const proxy = await startProxy(at.port);
  const browser = new FakeBrowser();
  const open = (options: Partial<OfflineOptions> = {}, user = "alice"): FakeTab =>
    browser.open(`ws://127.0.0.1:${proxy.port}/ws`, { user, ...options });
  const stored = async (): Promise<unknown[]> =>
    (await hub.history("user:bob")).messages.map(({ data }) => data);
  return { hub, proxy, browser, open, stored };
}

const chat = (data: unknown) => ({ type: "chat", to: "bob", data });

const states = ({ client }: FakeTab): string[] => client.outbox.messages.map(({ state }) => state);

describe("the outbox", () => {
  it("sends what was written without a network after a reload, once and in order", async () => {
    const { proxy, open, stored } = await place();
    proxy.breakDown();
    const before = open();
    for (const data of [1, 2, 3]) before.client.send(chat(data)).catch(() => {});
    await eventually("all are kept", () => before.client.outbox.messages.length === 3);
    expect(before.client.outbox.storage).toBe("indexeddb");
    expect(states(before)).toEqual(["queued", "queued", "queued"]);
    before.leave();
    const after = open();
    await eventually("the next page knows them", () => after.client.outbox.messages.length === 3);
    const sent: unknown[] = [];
    after.client.outbox.onSent(({ message, receipt }) => sent.push([message.data, receipt.state]));
    proxy.mend();
    await eventually("none waits", () => sent.length === 3 && after.client.outbox.messages.length === 0);
    expect(sent).toEqual([1, 2, 3].map((data) => [data, "stored"]));
    expect(await stored()).toEqual([1, 2, 3]);
  });

  it("resolves a call with its receipt, whichever tab sends the message", async () => {
    const { open, stored } = await place();
    const tabs = [open(), open(), open()];
    const receipts = await Promise.all(tabs.map(({ client }, index) => client.send(chat(index))));
    expect(receipts.map(({ offset }) => offset).sort()).toEqual([1, 2, 3]);
    expect(await stored()).toHaveLength(3);
    await eventually("all outboxes are empty", () => tabs.every((tab) => states(tab).length === 0));
  });

  it("sends a message again whose host has ended before the receipt, and it is stored once", async () => {
    const { proxy, open, stored } = await place();
    const [one, two] = [open(), open()];
    await Promise.all([one.client.ready, two.client.ready]);
    const [leader, other] = one.client.isLeader ? [one, two] : [two, one];
    proxy.swallow();
    const receipt = other.client.send(chat("again"));
    await eventually("it is given to the connection", () => states(other)[0] === "sending");
    leader.leave();
    expect(await receipt).toMatchObject({ state: "stored", offset: 1 });
    expect(await stored()).toEqual(["again"]);
  });

  it("keeps a refused message as failed, until it is removed or sent again", async () => {
    const { hub, open, stored } = await place();
    let isOpen = false;
    hub.authorize(({ verb, channel }) => !(verb === "send" && channel === "user:bob") || isOpen);
    const [one, two] = [open(), open()];
    for (const data of [1, 2]) {
      await expect(one.client.send(chat(data))).rejects.toMatchObject({ code: "forbidden" });
    }
    await eventually("both tabs show them", () => states(two).join() === "failed,failed");
    expect(two.client.outbox.messages[0]).toMatchObject({
      message: { data: 1 },
      error: { code: "forbidden" },
    });
    isOpen = true;
    const [first, second] = two.client.outbox.messages;
    await two.client.outbox.remove(String(first?.key));
    await two.client.outbox.retry(String(second?.key));
    await eventually("none is left", () => states(one).length + states(two).length === 0);
    expect(await stored()).toEqual([2]);
  });

  it("has limits", async () => {
    const { proxy, open } = await place();
    proxy.breakDown();
    const { client } = open({ outboxLimits: { messages: 2, bytes: 1_000 } });
    const refused = { code: "unavailable", message: expect.stringContaining("outbox full") };
    await expect(client.send(chat("x".repeat(1_000)))).rejects.toMatchObject(refused);
    for (const data of [1, 2]) client.send(chat(data)).catch(() => {});
    await expect(client.send(chat(3))).rejects.toMatchObject(refused);
    expect(() => open({ outboxLimits: { messages: 0 } })).toThrow("outboxLimits.messages");
  });

  it("sends nothing that a signal has ended, or that was removed, while it waited", async () => {
    const { proxy, open, stored } = await place();
    proxy.breakDown();
    const tab = open();
    const deadline = new AbortController();
    const [aborted, removed, kept] = [
      tab.client.send(chat("aborted"), { signal: deadline.signal }),
      tab.client.send({ ...chat("removed"), key: "k" }),
      tab.client.send(chat("kept")),
    ];
    await eventually("all wait", () => states(tab).length === 3);
    deadline.abort(new Error("too late"));
    await tab.client.outbox.remove("k");
    await expect(aborted).rejects.toThrow("too late");
    await expect(removed).rejects.toMatchObject({ code: "unavailable" });
    proxy.mend();
    await kept;
    expect(await stored()).toEqual(["kept"]);
  });

  it("does not send a message again that the server may have forgotten, unless it is told to", async () => {
    const { browser, proxy, open, stored } = await place();
    const before = open();
    await before.client.ready;
    proxy.swallow();
    before.client.send(chat("doubtful")).catch(() => {});
    await eventually("it is given to the connection", () => states(before)[0] === "sending");
    before.leave();
    const store = new Store(browser.databases, browser.databases.names[0] ?? "");
    await store.change(([entry], put) => entry && put({ ...entry, triedAt: 1 }));
    const after = open();
    await eventually("it has failed", () => states(after)[0] === "failed");
    expect(after.client.outbox.messages[0]?.error).toMatchObject({ code: "timeout" });
    await after.client.outbox.retry(String(after.client.outbox.messages[0]?.key));
    await eventually("it is sent", () => states(after).length === 0);
    expect(await stored()).toEqual(["doubtful"]);
  });

  it.each([
    ["without IndexedDB", (browser: FakeBrowser) => void Object.assign(browser.databases, { open: refuse })],
    ["with a full quota", ({ databases }: FakeBrowser) => void Object.assign(databases, { isFull: true })],
  ])("works in memory %s, and says so", async (_how, spoil) => {
    const { browser, open, stored } = await place();
    spoil(browser);
    const tab = open();
    expect(await tab.client.send(chat("hello"))).toMatchObject({ state: "stored" });
    expect(tab.client.outbox.storage).toBe("memory");
    expect(states(tab)).toEqual([]);
    expect(await stored()).toEqual(["hello"]);
  });

  it("is in IndexedDB again once that takes messages", async () => {
    const { browser, open, stored } = await place();
    const { client } = open();
    browser.databases.isFull = true;
    await client.send(chat(1));
    expect(client.outbox.storage).toBe("memory");
    browser.databases.isFull = false;
    await client.send(chat(2));
    expect(client.outbox.storage).toBe("indexeddb");
    expect(await stored()).toEqual([1, 2]);
  });

  it("sends after the user has cleared the data of the site", async () => {
    const { browser, open, stored } = await place();
    const tabs = [open(), open()];
    await Promise.all(tabs.map(({ client }) => client.ready));
    browser.databases.clear();
    await Promise.all(tabs.map(({ client }, index) => client.send(chat(index))));
    expect((await stored()).sort()).toEqual([0, 1]);
  });

  it("is passed by where the worker has no IndexedDB", async () => {
    const { browser, open, stored } = await place();
    browser.ofWorker = { indexedDB: undefined };
    const { client } = open({ worker: browser.worker });
    await client.ready;
    expect(await client.send(chat("hello"))).toMatchObject({ state: "stored" });
    expect(client.outbox.storage).toBe("memory");
    expect(await stored()).toEqual(["hello"]);
  });

  it.each([
    ["", false],
    [" that is frozen, when it thaws,", true],
  ])("tells a call in another tab%s that its message was removed", async (_which, isFrozen) => {
    const { proxy, open, stored } = await place();
    proxy.breakDown();
    const [one, two] = [open(), open()];
    const removed = one.client.send({ ...chat("removed"), key: "k" });
    await eventually("the other tab shows it", () => states(two).length === 1);
    if (isFrozen) one.fire("freeze");
    await two.client.outbox.remove("k");
    if (isFrozen) one.fire("resume");
    await expect(removed).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("removed"),
    });
    proxy.mend();
    await two.client.send(chat("kept"));
    expect(await stored()).toEqual(["kept"]);
  });

  it("answers each call with a key, and sends its message once", async () => {
    const { hub, open, stored } = await place();
    let isOpen = false;
    hub.authorize(({ verb, channel }) => !(verb === "send" && channel === "user:bob") || isOpen);
    const { client } = open();
    const send = () => client.send({ ...chat("hello"), key: "k" });
    await expect(send()).rejects.toMatchObject({ code: "forbidden" });
    isOpen = true;
    const receipts = await Promise.all([send(), send()]);
    expect(receipts.map(({ offset }) => offset)).toEqual([1, 1]);
    expect(await stored()).toEqual(["hello"]);
  });

  it("keeps no ephemeral message", async () => {
    const { proxy, open } = await place();
    proxy.breakDown();
    const tab = open();
    await expect(tab.client.send({ type: "typing", to: "bob", ephemeral: true })).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(states(tab)).toEqual([]);
  });
});

describe("a page that is opened again", () => {
  it("gets what came meanwhile, from the positions in IndexedDB, and nothing that a listener had handled", async () => {
    const { hub, open } = await place();
    const before = open();
    await before.client.ready;
    await hub.user("alice").send({ type: "chat", data: 1 });
    await eventually("it is handled", async () => before.heard.length === 1);
    before.leave();
    await hub.user("alice").send({ type: "chat", data: 2 });
    await hub.broadcast({ type: "chat", data: "to everyone" });
    const after = open();
    await eventually("it has what it missed", () => after.heard.includes(2));
    expect(after.heard).not.toContain(1);
  });

  it("gets a message again that no listener had handled", async () => {
    const { hub, open } = await place();
    const before = open();
    await before.client.ready;
    before.client.on("chat", () => new Promise(() => {}));
    await hub.user("alice").send({ type: "chat", data: 1 });
    await eventually("it has arrived", () => before.heard.length === 1);
    before.leave();
    const after = open();
    await eventually("it has come again", () => after.heard.includes(1));
  });
});

function refuse(): never {
  throw new Error("SecurityError");
}
