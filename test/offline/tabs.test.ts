import { describe, expect, it } from "vitest";
import { Store } from "../../src/offline/store.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { FakeBrowser, type FakeTab } from "./fake-browser.ts";

const ALICE = { user: "alice" };

/** The two ways in which tabs share a connection. */
const WAYS = [
  ["a leading tab", "leader-tab", (_browser: FakeBrowser) => ({})],
  ["a SharedWorker", "shared-worker", ({ worker }: FakeBrowser) => ({ worker })],
] as const;

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe.each(WAYS)("tabs of a user with %s", (_name, sharing, optionsOf) => {
  async function place(tabs: number) {
    const { hub, at, url } = await startHub();
    const browser = new FakeBrowser();
    const open = (user = "alice"): FakeTab => browser.open(url(), { user, ...optionsOf(browser) });
    const opened = Array.from({ length: tabs }, () => open());
    await Promise.all(opened.map(({ client }) => client.ready));
    const say = (data: unknown): Promise<unknown> => hub.user("alice").send({ type: "chat", data });
    return { hub, at, url, browser, open, tabs: opened, say };
  }

  it("share one connection, and each gets every message once", async () => {
    const { hub, tabs, say } = await place(10);
    for (const data of range(1, 5)) await say(data);
    await eventually("all tabs have all messages", () => tabs.every(({ heard }) => heard.length === 5));
    for (const { heard, client } of tabs) {
      expect(heard).toEqual(range(1, 5));
      expect(client.user).toBe("alice");
      expect(client.sharing).toBe(sharing);
    }
    expect(await hub.user("alice").connections()).toHaveLength(1);
    expect(tabs.filter(({ client }) => client.isLeader)).toHaveLength(sharing === "leader-tab" ? 1 : 0);
  });

  it("have another connection than those of another user", async () => {
    const { hub, open, tabs, say } = await place(1);
    const bob = open("bob");
    await bob.client.ready;
    await say("for alice");
    await hub.user("bob").send({ type: "chat", data: "for bob" });
    await eventually("both have theirs", () => bob.heard.length && tabs[0]?.heard.length);
    expect([tabs[0]?.heard, bob.heard]).toEqual([["for alice"], ["for bob"]]);
    expect(bob.client.connection).not.toBe(tabs[0]?.client.connection);
  });

  it("get the messages of the groups that they have joined, and of no others", async () => {
    const { hub, tabs } = await place(3);
    const [one, two, three] = tabs as [FakeTab, FakeTab, FakeTab];
    await Promise.all([one.client.join("g"), two.client.join("g")]);
    await hub.group("g").send({ type: "chat", data: 1 });
    await eventually("both members have it", () => one.heard.length === 1 && two.heard.length === 1);
    await one.client.leave("g");
    await hub.group("g").send({ type: "chat", data: 2 });
    await eventually("the member has it", () => two.heard.length === 2);
    await two.client.leave("g");
    expect(await hub.group("g").members()).toMatchObject({ online: 0 });
    expect([one.heard, two.heard, three.heard]).toEqual([[1], [1, 2], []]);
  });

  it("get messages from before a join, though another tab is in the group", async () => {
    const { hub, tabs } = await place(2);
    const [one, two] = tabs as [FakeTab, FakeTab];
    for (const data of range(1, 5)) await hub.group("g").send({ type: "chat", data });
    await one.client.join("g", { last: 2 });
    await eventually("the first has the last two", () => one.heard.length === 2);
    await two.client.join("g", { last: 3 });
    await eventually("the second has the last three", () => two.heard.length === 3);
    await hub.group("g").send({ type: "chat", data: 6 });
    await eventually("both have the next", () => one.heard.length === 3 && two.heard.length === 4);
    expect([one.heard, two.heard]).toEqual([range(4, 6), range(3, 6)]);
  });

  it("ask for presence, history and actions as a client does", async () => {
    const { hub, tabs, say } = await place(2);
    const [one, two] = tabs as [FakeTab, FakeTab];
    await say("hello");
    expect((await one.client.history()).messages.map(({ data }) => data)).toEqual(["hello"]);
    const events: unknown[] = [];
    two.client.onPresence((event) => events.push(event));
    const { online, stop } = await two.client.watchPresence({ users: ["bob"] });
    expect(online).toEqual({});
    const bob = hub.user("bob");
    expect(await bob.connections()).toEqual([]);
    await expect(one.client.request("no.action")).rejects.toMatchObject({ code: "unknown_action" });
    expect(await one.client.send({ type: "typing", to: "bob", ephemeral: true })).toMatchObject({
      state: "offline",
    });
    stop();
    expect(events).toEqual([]);
  });

  it("stay in step when messages are not for their connection", async () => {
    const { hub, tabs } = await place(2);
    const [one, two] = tabs as [FakeTab, FakeTab];
    await Promise.all(tabs.map(({ client }) => client.join("g")));
    await one.client.send({ type: "chat", group: "g", data: "own", echo: false });
    await hub.group("g").send({ type: "chat", data: "other" });
    await eventually("both have the other one", () => one.heard.length > 0 && two.heard.length > 0);
    const offset = (tab: FakeTab): number | undefined => tab.client.positions["group:g"]?.offset;
    await eventually("both are behind it", () => offset(one) === 2 && offset(two) === 2);
    expect([one.heard, two.heard]).toEqual([["other"], ["other"]]);
    expect([...one.statuses, ...two.statuses]).not.toContain("lost");
  });

  it("end with the reason when the user is kicked", async () => {
    const { hub, tabs } = await place(2);
    await hub.user("alice").kick({ reason: "enough" });
    await eventually("all are closed", () => tabs.every(({ client }) => client.state === "closed"));
    await expect(tabs[0]?.client.send({ type: "chat", to: "bob" })).rejects.toMatchObject({ code: "kicked" });
  });

  it("leave nothing behind after a logout in one of them", async () => {
    const { hub, browser, open, tabs, say } = await place(3);
    hub.authorize(({ verb }) => verb !== "send");
    await say("hello");
    await eventually("all have heard it", () => tabs.every(({ heard }) => heard.length === 1));
    await expect(tabs[0]?.client.send({ type: "chat", to: "bob" })).rejects.toMatchObject({
      code: "forbidden",
    });
    await tabs[1]?.client.close({ forget: true });
    await eventually("all are closed", () => tabs.every(({ client }) => client.state === "closed"));
    await eventually("nothing is kept", () => browser.databases.names.length === 0);
    await eventually(
      "the connection has ended",
      async () => (await hub.user("alice").connections()).length === 0,
    );
    const again = open();
    await again.client.ready;
    expect(again.client.outbox.storage).toBe("indexeddb");
    expect(again.client.outbox.messages).toEqual([]);
  });
});

describe("tabs of a user", () => {
  it("go on when the leading one closes, and get every message once", async () => {
    const { hub, url } = await startHub();
    const browser = new FakeBrowser();
    const tabs = range(1, 4).map(() => browser.open(url(), ALICE));
    await Promise.all(tabs.map(({ client }) => client.ready));
    const left: FakeTab[] = [];
    for (const data of range(1, 60)) {
      await hub.user("alice").send({ type: "chat", data });
      const leader = tabs.find((tab) => tab.client.isLeader && !left.includes(tab));
      if (data % 20 !== 10 || !leader || left.length === 2) continue;
      left.push(leader);
      leader.leave();
    }
    const others = tabs.filter((tab) => !left.includes(tab));
    await eventually("the others have all", () => others.every(({ heard }) => heard.length >= 60));
    for (const { heard, statuses } of others) {
      expect(heard).toEqual(range(1, 60));
      expect(statuses).not.toContain("lost");
    }
    expect(left).toHaveLength(2);
    await eventually(
      "there is one connection",
      async () => (await hub.user("alice").connections()).length === 1,
    );
  });

  it("catch up with what they missed while they were frozen", async () => {
    const { hub, url } = await startHub();
    const browser = new FakeBrowser();
    const [one, two] = [browser.open(url(), ALICE), browser.open(url(), ALICE)];
    await Promise.all([one.client.ready, two.client.ready]);
    const [leader, other] = one.client.isLeader ? [one, two] : [two, one];
    await hub.user("alice").send({ type: "chat", data: 1 });
    await eventually("both have the first", () => one.heard.length + two.heard.length === 2);
    leader.fire("freeze");
    for (const data of range(2, 300)) await hub.user("alice").send({ type: "chat", data });
    await eventually("the other has all", () => other.heard.length === 299 + 1);
    expect(other.client.isLeader).toBe(true);
    leader.fire("resume");
    await eventually("the frozen one has all", () => leader.heard.length >= 300);
    expect([leader.heard, other.heard]).toEqual([range(1, 300), range(1, 300)]);
    expect(leader.client.isLeader).toBe(false);
    expect(leader.statuses).not.toContain("lost");
  });

  it("end when the login is another user's, and keep the positions of theirs", async () => {
    const { hub, url } = await startHub();
    const browser = new FakeBrowser();
    const own = browser.open(url({ user_id: "alice" }), ALICE);
    await own.client.ready;
    await hub.user("alice").send({ type: "chat", data: 1 });
    await eventually("it is heard", () => own.heard.length === 1);
    await own.client.close();
    const { client } = browser.open(url({ user_id: "mallory" }), ALICE);
    await expect(client.ready).rejects.toMatchObject({ code: "refused" });
    expect(client.state).toBe("closed");
    const store = new Store(browser.databases, browser.databases.names[0] ?? "");
    const { user, positions } = await store.claim("test");
    expect([user, Object.keys(positions ?? {})]).toEqual(["alice", expect.arrayContaining(["user:alice"])]);
  });

  it("get what they missed of messages that were edited and deleted meanwhile, and lose none", async () => {
    const { hub, url } = await startHub();
    const browser = new FakeBrowser();
    const [one, two] = [browser.open(url(), ALICE), browser.open(url(), ALICE)];
    await Promise.all([one.client.ready, two.client.ready]);
    const [leader, other] = one.client.isLeader ? [one, two] : [two, one];
    const say = async (data: unknown): Promise<{ id: string; offset: number }> => {
      const { id, offset = 0 } = await hub.user("alice").send({ type: "chat", data });
      return { id, offset };
    };
    const first = await say(1);
    await eventually("both have the first", () => leader.heard.length + other.heard.length === 2);
    leader.fire("freeze");
    await hub.edit("user:alice", { ...first, data: "one" });
    await hub.edit("user:alice", { ...(await say(2)), data: "two" });
    await hub.delete("user:alice", await say(3));
    await say(4);
    await eventually("the other has the last", () => other.heard.includes(4));
    leader.fire("resume");
    await eventually("the frozen one has the last", () => leader.heard.includes(4));
    await say(5);
    await eventually("it has the next", () => leader.heard.includes(5));
    expect(leader.heard).toEqual([1, "two", 4, 5]);
    expect(leader.statuses).not.toContain("lost");
  });

  it("connect with the token of a tab that comes after the session was refused", async () => {
    const { url } = await startHub({
      auth: {
        mode: "token",
        authenticate: async ({ token }) => (token === "good" ? { user: "alice" } : undefined),
      },
    });
    const browser = new FakeBrowser();
    const { worker } = browser;
    const refused = browser.open(url(), { ...ALICE, token: "bad", worker });
    await expect(refused.client.ready).rejects.toMatchObject({ code: "unauthorized" });
    const next = browser.open(url(), { ...ALICE, token: "good", worker });
    expect(await next.client.ready).toMatchObject({ user: "alice" });
  });

  it("give a worker their tokens", async () => {
    const { hub, url } = await startHub({
      auth: { mode: "token", authenticate: async ({ token }) => (token ? { user: token } : undefined) },
    });
    const browser = new FakeBrowser();
    let asked = 0;
    const token = async (): Promise<string> => {
      asked++;
      return "alice";
    };
    const { worker } = browser;
    const tabs = range(1, 3).map(() => browser.open(url(), { ...ALICE, token, worker }));
    await Promise.all(tabs.map(({ client }) => client.ready));
    expect(await hub.user("alice").connections()).toHaveLength(1);
    expect(asked).toBe(1);
  });

  it.each([
    ["closed", ({ client }: FakeTab) => client.close()],
    ["frozen", ({ fire }: FakeTab) => fire("freeze")],
  ])("close after a logout in one that is %s", async (_how, end) => {
    const { url } = await startHub();
    const browser = new FakeBrowser();
    const tabs = range(1, 3).map(() => browser.open(url(), ALICE));
    await Promise.all(tabs.map(({ client }) => client.ready));
    const [first] = tabs as [FakeTab];
    await end(first);
    await first.client.close({ forget: true });
    await eventually("all are closed", () => tabs.every(({ client }) => client.state === "closed"));
    await eventually("nothing is kept", () => browser.databases.names.length === 0);
  });

  it.each([
    ["there are no locks", { navigator: {} }],
    [
      "a sandboxed frame denies locks",
      { navigator: { locks: { request: async () => deny() } }, indexedDB: DENIED },
    ],
    ["a sandboxed frame denies channels", { BroadcastChannel: DeniedChannel, indexedDB: DENIED }],
  ])("share nothing where %s", async (_why, without) => {
    const { hub, url } = await startHub();
    const browser = new FakeBrowser();
    const tabs = range(1, 2).map(() => browser.open(url(), ALICE, without));
    await Promise.all(tabs.map(({ client }) => client.ready));
    expect(tabs.map(({ client }) => [client.sharing, client.outbox.storage])).toEqual([
      ["alone", "memory"],
      ["alone", "memory"],
    ]);
    expect(await hub.user("alice").connections()).toHaveLength(2);
    expect(await tabs[0]?.client.send({ type: "chat", to: "bob" })).toMatchObject({ state: "stored" });
    await tabs[0]?.client.close({ forget: true });
    expect(tabs.map(({ client }) => client.state)).toEqual(["closed", "open"]);
  });
});

function deny(): never {
  throw new Error("SecurityError");
}

const DENIED = { open: deny, deleteDatabase: deny };

class DeniedChannel {
  readonly onmessage = null;
  readonly postMessage = deny;
  readonly close = deny;

  constructor() {
    deny();
  }
}
