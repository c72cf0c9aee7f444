import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Client, TidingsError } from "../../../../src/client/client.ts";
import { People } from "../../../../web/chat/model/people.ts";
import { State } from "../../../../web/chat/model/state.ts";
import type { Person } from "../../../../web/chat/model/wire.ts";
import { asked } from "./asked.ts";

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", { hidden: true });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const person = (user: string): Person => ({ user, name: user });

/** People as alice sees them. @param mayWatchAll false: she may watch her friends only */
function start(mayWatchAll = false) {
  const state = new State("alice", signal({ tab: "people" }), signal(true));
  const watched: object[] = [];
  const client = {
    state: "open",
    onPresence: () => () => undefined,
    watchPresence: async (query: object) => {
      if ("all" in query && !mayWatchAll) throw new TidingsError("forbidden", "not all");
      watched.push(query);
      return { online: {}, stop: () => undefined };
    },
  } as unknown as Client;
  const online = { users: [] as Person[], count: 0, of: "everyone" as "everyone" | "friends" };
  let fails = false;
  const { ask, calls } = asked({
    "chat.online": () => ({ ...online }),
    "chat.profiles": ({ users }) => {
      if (fails) throw new Error("no time");
      return { users: users.map((user) => ({ user, name: `${user} the user` })) };
    },
  });
  const people = new People(client, ask, state);
  const count = (name: string): number => calls.filter((call) => call.name === name).length;
  const profiles = (): number => count("chat.profiles");
  const failing = (is: boolean): void => {
    fails = is;
  };
  return { state, people, online, profiles, failing, count, watched };
}

describe("what a user shows", () => {
  it("is asked for once on a connection, and again on the next one when the request has failed", async () => {
    const { people, profiles, failing } = start();
    failing(true);
    people.person("bob");
    await vi.advanceTimersByTimeAsync(1_000);
    people.person("bob");
    await vi.advanceTimersByTimeAsync(1_000);
    expect([profiles(), people.person("bob").name]).toEqual([1, "bob"]);
    failing(false);
    await people.opened();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([profiles(), people.person("bob").name]).toEqual([2, "bob the user"]);
    people.close();
  });
});

describe("who is online", () => {
  it("is of a long list only who is on its page, or watched", async () => {
    const { state, people, online } = start();
    state.friends.value = { friends: [person("bob")], sent: [], received: [], blocked: [] };
    Object.assign(online, { users: [person("bob"), person("carol")], count: 2 });
    await people.opened();
    expect([...state.present.value]).toEqual(["bob", "carol"]);
    Object.assign(online, { users: [person("dave")], count: 300 });
    await people.opened();
    expect([...state.present.value].sort()).toEqual(["bob", "dave"]);
    people.close();
  });

  it("is not known of others than friends, where the server lists friends only", async () => {
    const { state, people, online, count } = start();
    vi.stubGlobal("document", { hidden: false });
    state.friends.value = { friends: [person("bob")], sent: [], received: [], blocked: [] };
    await people.opened();
    expect(["bob", "carol"].map((user) => state.isPresent(user))).toEqual([false, false]);
    online.of = "friends";
    await people.opened();
    expect(["bob", "carol"].map((user) => state.isPresent(user))).toEqual([false, undefined]);
    // Events tell of friends, so the list is not read again.
    const before = count("chat.online");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(count("chat.online")).toBe(before);
    people.close();
  });

  it("is watched of friends only when the user may no longer see everybody", async () => {
    const { state, people, online, watched } = start(true);
    state.friends.value = { friends: [person("bob")], sent: [], received: [], blocked: [] };
    await people.opened();
    online.of = "friends";
    await people.opened();
    expect(watched).toEqual([{ all: true }, { users: ["bob"] }]);
    people.close();
  });

  it("is asked for time and again only by a user who may list everybody and watch nobody", async () => {
    vi.stubGlobal("document", { hidden: false });
    for (const [mayWatchAll, readings] of [
      [true, 1],
      [false, 5],
    ] as const) {
      const { people, count } = start(mayWatchAll);
      await people.opened();
      await vi.advanceTimersByTimeAsync(61_000);
      expect(count("chat.online")).toBe(readings);
      people.close();
    }
  });
});
