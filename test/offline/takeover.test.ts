import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { localBus, type ToHost, type ToTabs } from "../../src/offline/bus.ts";
import { Candidate } from "../../src/offline/leader.ts";
import { type Entry, Store } from "../../src/offline/store.ts";
import { Link } from "../../src/offline/tab/link.ts";
import { eventually } from "../support/eventually.ts";
import { FakeLocks } from "./fake-browser.ts";
import { FakeDatabases } from "./fake-database.ts";

describe("candidates", () => {
  const place = () => {
    const { manager } = new FakeLocks();
    const log: string[] = [];
    const candidate = (name: string): Candidate =>
      new Candidate(
        () => manager,
        "group",
        () => {
          log.push(`${name} leads`);
          return () => log.push(`${name} ends`);
        },
      );
    return { log, one: candidate("one"), two: candidate("two") };
  };

  it("lead one at a time: the next one when the first resigns", async () => {
    const { log, one, two } = place();
    one.stand();
    one.stand();
    two.stand();
    await eventually("the first leads", () => one.isLeading);
    one.resign();
    await eventually("the second leads", () => two.isLeading);
    expect(log).toEqual(["one leads", "one ends", "two leads"]);
    expect(one.isLeading).toBe(false);
  });

  it("seize the lead from one that hangs, which ends when it runs again, and waits for its turn", async () => {
    const { log, one, two } = place();
    one.stand();
    await eventually("the first leads", () => one.isLeading);
    two.seize();
    await eventually("only the second leads", () => two.isLeading && !one.isLeading);
    two.resign();
    await eventually("the first leads again", () => one.isLeading);
    expect(log.toSorted()).toEqual(["one ends", "one leads", "one leads", "two ends", "two leads"]);
  });

  it("ask once where the browser refuses locks", async () => {
    let asked = 0;
    const request = async (): Promise<never> => {
      asked++;
      throw new Error("SecurityError");
    };
    const candidate = new Candidate(
      () => ({ request }),
      "group",
      () => () => {},
    );
    candidate.stand();
    await new Promise((resolve) => setTimeout(resolve));
    expect([asked, candidate.isLeading]).toEqual([1, false]);
  });

  it("do not lead after they have resigned while they waited", async () => {
    const { log, one, two } = place();
    one.stand();
    await eventually("the first leads", () => one.isLeading);
    two.stand();
    await new Promise((resolve) => setTimeout(resolve));
    two.resign();
    one.resign();
    one.stand();
    await eventually("the first leads again", () => one.isLeading);
    expect(log).toEqual(["one leads", "one ends", "one leads"]);
  });
});

describe("the link of a tab to its host", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** A tab, and what a host sees and does. */
  const place = () => {
    const openBus = localBus();
    let deaf = 0;
    const told: ToHost[] = [];
    openBus("group up", (frame: ToHost) => void told.push(frame));
    const down = openBus<ToTabs, never>("group down", () => {});
    const link = new Link({
      ...{ group: "group", openBus, token: undefined, joined: new Set<string>() },
      ...{ heard() {}, deaf: () => void deaf++ },
    });
    link.start();
    const socket = new link.Socket("ws://host", "protocol");
    const heard: unknown[] = [];
    socket.onopen = () => heard.push("open");
    socket.onmessage = ({ data }: { data: string }) => heard.push(data);
    socket.onclose = ({ reason }: { reason: string }) => heard.push(reason);
    const post = (frame: ToTabs): void => {
      down.post(frame);
      vi.advanceTimersByTime(1);
    };
    vi.advanceTimersByTime(1);
    const [open] = told;
    const sockets = open?.kind === "open" ? [open.socket] : [];
    return { link, post, told, heard, sockets, deaf: () => deaf };
  };

  it("tells that no host answers, after 5 to 10 s", () => {
    const { deaf } = place();
    vi.advanceTimersByTime(4_990);
    expect(deaf()).toBe(0);
    vi.advanceTimersByTime(5_010);
    expect(deaf()).toBe(1);
  });

  it("is of the host that accepted it: frames of one that has lost the lead are dropped", () => {
    const { post, heard, sockets, deaf } = place();
    post({ kind: "opened", host: "new", sharing: "leader-tab", sockets, keeps: true });
    post({ kind: "text", host: "old", sockets, text: "late" });
    post({ kind: "shut", host: "old", sockets, code: 1_006, reason: "late" });
    post({ kind: "opened", host: "old", sharing: "leader-tab", sockets, keeps: true });
    post({ kind: "text", host: "new", sockets, text: "frame" });
    post({ kind: "text", host: "new", sockets: ["another tab's"], text: "not for it" });
    vi.advanceTimersByTime(20_000);
    expect(heard).toEqual(["open", "frame"]);
    expect(deaf()).toBe(0);
  });

  it("ends when another host says hello, and asks one that was not ready again", () => {
    const { post, told, heard, sockets } = place();
    post({ kind: "hello", host: "one", sharing: "leader-tab" });
    expect(told.map(({ kind }) => kind)).toEqual(["open", "open"]);
    post({ kind: "opened", host: "one", sharing: "leader-tab", sockets, keeps: true });
    post({ kind: "hello", host: "two", sharing: "leader-tab" });
    expect(heard).toEqual(["open", "new host"]);
  });
});

describe("the store", () => {
  const entry = (key: string, change: Partial<Entry> = {}): Entry => ({
    ...{ key, message: {}, createdAt: 0, bytes: 1 },
    ...change,
  });
  const open = (): Store => new Store(new FakeDatabases(), "store");

  it("lets only the host write positions that has claimed them last", async () => {
    const store = open();
    await store.claim("frozen");
    await store.save("frozen", { user: "alice" });
    expect(await store.claim("leader")).toMatchObject({ user: "alice" });
    await store.save("leader", { user: "alice", positions: { all: { epoch: "e", offset: 2 } } });
    await store.save("frozen", { user: "alice", positions: { all: { epoch: "e", offset: 1 } } });
    expect((await store.claim("next")).positions).toEqual({ all: { epoch: "e", offset: 2 } });
  });

  it("is not filled by failed messages, of which it keeps the newest 100", async () => {
    const store = open();
    const limits = { messages: 1, bytes: 10 };
    const error = { code: "forbidden", message: "no" } as const;
    for (let count = 0; count < 105; count++) await store.add(entry(`${count}`, { error }), limits);
    await store.add(entry("last"), limits);
    await expect(store.add(entry("too many"), limits)).rejects.toMatchObject({ code: "unavailable" });
    const keys = await store.change((entries) => entries.map(({ key }) => key));
    expect([keys.length, keys[0], keys.at(-1)]).toEqual([101, "5", "last"]);
  });

  it("keeps a key once, and takes the failure of a message that is sent again", async () => {
    const store = open();
    const limits = { messages: 10, bytes: 10 };
    const error = { code: "forbidden", message: "no" } as const;
    await store.add(entry("key", { error }), limits);
    await Promise.all([store.add(entry("key"), limits), store.add(entry("key"), limits)]);
    expect(await store.change((entries) => entries.map((each) => each.error))).toEqual([undefined]);
  });

  it("removes a message where there is no room for a note of it", async () => {
    const databases = new FakeDatabases();
    const store = new Store(databases, "store");
    await store.add(entry("key"), { messages: 1, bytes: 10 });
    databases.isFull = true;
    await store.remove("key", 1_000);
    expect(await store.change((entries) => entries)).toEqual([]);
  });

  it("forgets after a while that a message was removed", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const store = open();
    await store.remove("first", 1_000);
    vi.setSystemTime(Date.now() + 999);
    await store.remove("second", 1_000);
    expect([...(await store.removed()).keys()]).toEqual(["first", "second"]);
    vi.setSystemTime(Date.now() + 1);
    await store.remove("third", 1_000);
    expect([...(await store.removed()).keys()]).toEqual(["second", "third"]);
  });

  it("gives up a transaction that does not begin within 10 s", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const databases = new FakeDatabases();
    databases.isBlocked = true;
    const refused = expect(new Store(databases, "store").claim("host")).rejects.toThrow();
    await vi.advanceTimersByTimeAsync(10_010);
    await refused;
  });

  it("opens again after the browser has closed it, and does not after its own end", async () => {
    const databases = new FakeDatabases();
    const store = new Store(databases, "store");
    await store.claim("host");
    databases.clear();
    expect(await store.claim("host")).toEqual({});
    store.close();
    await expect(store.claim("host")).rejects.toThrow("not open");
  });

  it("waits 3 s for a database that does not open, and uses it once it does", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const databases = new FakeDatabases();
    databases.isHanging = true;
    const store = new Store(databases, "store");
    const refused = expect(store.claim("host")).rejects.toThrow("not open");
    await vi.advanceTimersByTimeAsync(3_000);
    await refused;
    // It waits once: each message of a tab would wait for it.
    await expect(store.claim("host")).rejects.toThrow("not open");
    databases.answer();
    const claimed = store.claim("host");
    await vi.advanceTimersByTimeAsync(10);
    expect(await claimed).toEqual({});
  });
});
