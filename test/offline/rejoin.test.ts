import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Client, TidingsError, type Welcome } from "../../src/client/client.ts";
import { Registry } from "../../src/offline/host/registry.ts";
import { Tab } from "../../src/offline/host/tab.ts";

/** Longer than a tab tries. */
const LONG_MS = 600_000;

/** A tab that was in a group, and comes to a new host whose client joins as a test says. */
async function place(join: () => Promise<unknown>) {
  const frames: { error?: unknown }[] = [];
  const attempt = vi.fn(join);
  const client: unknown = { positions: {}, join: attempt };
  const tab = new Tab("socket", {
    ...{ lock: "", joined: new Set(["g"]), groupData: new Map<string, unknown>() },
    ...{ members: new Registry<Tab>(), watchers: new Registry<Tab>(), wanted() {}, acked() {} },
    client: () => client as Client, // it has what the tab uses
    write: (_socket, text) => void frames.push(JSON.parse(text)),
  });
  const tell = (action: string, data: object): void => tab.receive(JSON.stringify({ id: 1, action, data }));
  tell("robot.login", { resume: { "group:g": { epoch: "e", offset: 1 } } });
  tab.welcome({ user: "alice" } as Welcome, {});
  await vi.advanceTimersByTimeAsync(0);
  const errors = (): unknown[] => frames.flatMap(({ error }) => error ?? []);
  return { tab, tell, attempt, errors };
}

const refuse = (code: "unavailable" | "rate_limited" | "forbidden", retryAfterMs?: number) => () =>
  Promise.reject(new TidingsError(code, "refused", { retryAfterMs }));

describe("a tab that is refused when it joins its group again", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("tries again while the refusal may pass", async () => {
    const answers = [refuse("unavailable"), refuse("unavailable"), async () => ({})];
    const { tab, attempt, errors } = await place(() => answers.shift()?.() ?? Promise.reject());
    expect(tab.hears("group:g")).toBe(false);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(tab.hears("group:g")).toBe(true);
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(attempt).toHaveBeenCalledTimes(3);
    expect(errors()).toEqual([]);
  });

  it("tries five times within 31 s, and is told then", async () => {
    const { attempt, errors } = await place(refuse("unavailable"));
    await vi.advanceTimersByTimeAsync(30_990);
    expect(attempt).toHaveBeenCalledTimes(5);
    expect(errors()).toEqual([]);
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(attempt).toHaveBeenCalledTimes(6);
    expect(errors()).toEqual([{ code: "unavailable", message: "refused" }]);
  });

  it("waits as long as the server says", async () => {
    const { attempt } = await place(refuse("rate_limited", 5_000));
    await vi.advanceTimersByTimeAsync(4_990);
    expect(attempt).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(10);
    expect(attempt).toHaveBeenCalledTimes(2);
  });

  it("is told of a refusal that does not pass at once", async () => {
    const { attempt, errors } = await place(refuse("forbidden"));
    expect(errors()).toEqual([{ code: "forbidden", message: "refused" }]);
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(attempt).toHaveBeenCalledTimes(1);
  });

  it.each([
    ["has left the group", ({ tell }) => tell("group.leave", { group: "g" }), 1],
    ["has ended", ({ tab }) => void tab.end(), 1],
    ["has joined itself", ({ tell }) => tell("group.join", { group: "g" }), 2],
  ] satisfies [string, (at: Awaited<ReturnType<typeof place>>) => void, number][])(
    "does not try again once it %s",
    async (_why, change, attempts) => {
      const answers = [refuse("unavailable")];
      const at = await place(() => answers.shift()?.() ?? Promise.resolve({}));
      change(at);
      await vi.advanceTimersByTimeAsync(LONG_MS);
      expect(at.attempt).toHaveBeenCalledTimes(attempts);
    },
  );
});
