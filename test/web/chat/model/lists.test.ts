import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ListPorts, Lists } from "../../../../web/chat/model/lists.ts";
import { State } from "../../../../web/chat/model/state.ts";
import { asked } from "./asked.ts";

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Lists of alice. @param failures requests that fail, before others succeed */
function start(failures = 0) {
  const state = new State("alice", signal({ tab: "chats" }), signal(true));
  state.connection.value = { state: "online" };
  let left = failures;
  const { ask, calls } = asked({
    "chat.invitations": () => {
      if (left-- > 0) throw new Error("no time");
      return { invitations: [] };
    },
    "chat.groups": () => ({ groups: [] }),
  });
  const failed = vi.fn();
  const people = {} as ListPorts["people"];
  const lists = new Lists({ state, people, ask, isSeen: () => false, failed });
  return { state, lists, calls, failed };
}

describe("a list", () => {
  it("that the server did not give is asked for again after 3 s", async () => {
    const { lists, calls, failed } = start(2);
    lists.refresh("invitations");
    await vi.advanceTimersByTimeAsync(100);
    expect([calls.length, failed.mock.calls.length]).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(2_999);
    expect(calls.length).toBe(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([calls.length, failed.mock.calls.length]).toEqual([3, 2]);
  });

  it("is not asked for any more without a connection, and when the chat is closed", async () => {
    const { state, lists, calls } = start(9);
    lists.refresh("invitations");
    await vi.advanceTimersByTimeAsync(100);
    state.connection.value = { state: "waiting", retryAt: 0 };
    await vi.advanceTimersByTimeAsync(10_000);
    expect(calls.length).toBe(1);
    state.connection.value = { state: "online" };
    lists.refresh("invitations");
    await vi.advanceTimersByTimeAsync(100);
    lists.close();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(calls.length).toBe(2);
  });

  it("that many ask for is asked for at a random time, unless the user has changed it meanwhile", async () => {
    const { lists, calls } = start();
    lists.refresh("groups", 3_000);
    await vi.advanceTimersByTimeAsync(1_599);
    expect(calls.length).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls.length).toBe(1);
    lists.refresh("groups", 3_000);
    lists.refresh("groups");
    await vi.advanceTimersByTimeAsync(100);
    expect(calls.length).toBe(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(calls.length).toBe(2);
  });
});
