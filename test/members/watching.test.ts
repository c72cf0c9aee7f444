import { expect, test } from "vitest";
import type { PresenceView } from "../../src/backplane/backplane.ts";
import type { Connection } from "../../src/local/local.ts";
import { PresenceComparison, Watchers } from "../../src/members/members.ts";
import { Pace } from "../../src/members/pace.ts";

/** A node with watchers, hooks, and a presence of which it hears only what a test passes on. */
class Scene {
  readonly online = new Set<string>();
  readonly inGrace = new Set<string>();
  readonly hooks: string[] = [];
  hasHooks = false;
  reads = 0;
  /** Called between a read and its answer. */
  meanwhile = (): void => undefined;
  readonly watchers: Watchers;
  readonly comparison: PresenceComparison;

  constructor() {
    const exist = (): boolean => this.hasHooks;
    this.watchers = new Watchers({
      get exist() {
        return exist();
      },
      tell: (user, online) => void (this.hasHooks && this.hooks.push(`${user} ${online}`)),
    });
    const presence: Pick<PresenceView, "isOnline" | "online"> = {
      isOnline: async (user) => {
        this.reads++;
        const isOnline = this.online.has(user) || this.inGrace.has(user);
        this.meanwhile();
        return isOnline;
      },
      online: async ({ limit, cursor = "0" }) => {
        this.reads++;
        const all = [...this.online].sort();
        const end = Number(cursor) + limit;
        const users = all.slice(Number(cursor), end).map((user) => ({ user, connections: 1, platforms: [] }));
        this.meanwhile();
        return { users, ...(end < all.length ? { cursor: String(end) } : {}) };
      },
    };
    this.comparison = new PresenceComparison({
      presence: presence as PresenceView, // all that a comparison uses
      watchers: this.watchers,
      pace: new Pace(),
      report: (stage, error) => {
        throw new Error(stage, { cause: error });
      },
    });
  }

  /** A connection that watches users, or all. */
  watcher(users?: readonly string[]): { connection: Connection; told: string[] } {
    const told: string[] = [];
    const send = (text: string): void => {
      const { user, online } = JSON.parse(text);
      told.push(`${user} ${online}`);
    };
    const connection = { send } as unknown as Connection; // all that watchers use
    void this.watchers.watch(connection, users);
    const online = [...(users ?? this.online)].filter(
      (user) => this.online.has(user) || this.inGrace.has(user),
    );
    this.watchers.replied(connection, Object.fromEntries(online.map((user) => [user, ["web"]])), users);
    return { connection, told };
  }

  event(user: string, online: boolean): void {
    if (online) this.online.add(user);
    else this.online.delete(user);
    this.comparison.heard(user, online);
  }
}

test("a comparison tells each watcher what it was not told, and nothing twice", async () => {
  const scene = new Scene();
  for (const user of ["gone", "stays", "other"]) scene.online.add(user);
  const named = scene.watcher(["gone", "stays", "came", "away"]);
  const all = scene.watcher();
  await scene.comparison.run(() => true); // fills the roster
  scene.online.delete("gone");
  scene.online.delete("other");
  scene.online.add("came");

  await scene.comparison.run(() => true);
  await scene.comparison.run(() => true);
  scene.comparison.heard("came", true); // its event was on the way
  scene.comparison.heard("gone", false);

  expect(named.told).toEqual(["came true", "gone false"]);
  expect(all.told.toSorted()).toEqual(["came true", "gone false", "other false"]);
});

test("hooks hear each difference once, and none of those who are there at the start", async () => {
  const scene = new Scene();
  scene.hasHooks = true;
  scene.online.add("early").add("gone");
  await scene.comparison.run(() => true);
  expect(scene.hooks).toEqual([]);
  scene.online.delete("gone");
  scene.online.add("came");

  await scene.comparison.run(() => true);
  scene.comparison.heard("came", true);
  scene.event("gone", true);
  scene.event("gone", false);

  expect(scene.hooks).toEqual(["came true", "gone false", "gone true", "gone false"]);
});

test("hooks hear events on their way while the first comparison reads", async () => {
  const scene = new Scene();
  scene.hasHooks = true;
  scene.online.add("early");
  scene.inGrace.add("leaving");
  await scene.comparison.run(() => true);

  scene.comparison.heard("early", true);
  scene.inGrace.delete("leaving");
  scene.comparison.heard("leaving", false);

  expect(scene.hooks).toEqual(["early true", "leaving false"]);
});

test("an event that comes while a comparison reads is newer than what it read", async () => {
  const scene = new Scene();
  const { told } = scene.watcher(["alice", "bob"]);
  scene.meanwhile = () => {
    scene.meanwhile = () => undefined;
    scene.event("alice", true);
  };
  scene.online.add("bob");

  await scene.comparison.run(() => true);

  expect(told).toEqual(["alice true", "bob true"]);
});

test("users seem offline while nodes announce their connections again: only who is online is told", async () => {
  const scene = new Scene();
  scene.online.add("alice");
  const named = scene.watcher(["alice", "bob"]);
  const all = scene.watcher();
  await scene.comparison.run(() => true);
  scene.online.delete("alice");
  scene.online.add("bob");

  await scene.comparison.run(() => false);
  expect([named.told, all.told]).toEqual([["bob true"], ["bob true"]]);

  await scene.comparison.run(() => true);
  expect([named.told, all.told]).toEqual([
    ["bob true", "alice false"],
    ["bob true", "alice false"],
  ]);
});

test("data that are lost while a comparison reads make nobody seem offline", async () => {
  const scene = new Scene();
  scene.online.add("alice").add("bob");
  const named = scene.watcher(["alice", "bob"]);
  const all = scene.watcher();
  let isSettled = true;
  await scene.comparison.run(() => isSettled);
  scene.online.clear();
  scene.meanwhile = () => {
    isSettled = false; // this reading finds the loss
  };

  await scene.comparison.run(() => isSettled);

  expect([named.told, all.told]).toEqual([[], []]);
});

test("a user in the grace period is online, for watchers by name and of all", async () => {
  const scene = new Scene();
  scene.online.add("alice");
  const watchers = [scene.watcher(["alice"]), scene.watcher()];
  await scene.comparison.run(() => true);
  scene.online.delete("alice");
  scene.inGrace.add("alice");

  await scene.comparison.run(() => true);

  expect(watchers.map(({ told }) => told)).toEqual([[], []]);
});

test("a comparison reads each watched user once, and everybody in pages", async () => {
  const scene = new Scene();
  const names = Array.from({ length: 100 }, (_, index) => `user-${index}`);
  scene.watcher(names);
  scene.watcher(names);
  await scene.comparison.run(() => true);
  expect(scene.reads).toBe(100);

  const many = Array.from({ length: 1_200 }, (_, index) => `online-${index}`);
  for (const user of many) scene.online.add(user);
  const ended = scene.watcher();
  await scene.comparison.run(() => true);
  scene.watchers.drop(ended.connection);
  scene.reads = 0;
  await scene.comparison.run(() => true);
  expect(scene.reads).toBe(100);

  scene.watcher();
  await scene.comparison.run(() => true);
  scene.reads = 0;
  await scene.comparison.run(() => true);
  expect(scene.reads).toBe(103);
});

test("the first watcher of all users waits until those who are online are known, where events can be lost", async () => {
  const scene = new Scene();
  scene.online.add("alice");
  await scene.comparison.run(() => true);
  const connection = { send: () => undefined } as unknown as Connection; // all that watchers use

  await scene.watchers.watch(connection);

  expect([...(scene.watchers.roster?.online ?? [])]).toEqual(["alice"]);
  expect(scene.watchers.watch(connection)).toBeUndefined();
});
