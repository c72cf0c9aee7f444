import { describe, expect, it, vi } from "vitest";
import { type Client, TidingsError } from "../../src/client/client.ts";
import type { ToTabs } from "../../src/offline/bus.ts";
import { Sender } from "../../src/offline/host/sender.ts";
import { type Entry, Store } from "../../src/offline/store.ts";
import { eventually } from "../support/eventually.ts";
import { FakeDatabases } from "./fake-database.ts";

type Send = (message: { key: string }, options: { signal: AbortSignal }) => Promise<unknown>;

/** A sender, its store, and a client of which a test says what it does. */
async function place(send: Send, entry: Partial<Entry> = {}, repeatWithinMs = 240_000) {
  const store = new Store(new FakeDatabases(), "store");
  const client: { connection: string; send: Send } = { connection: "one", send };
  const session = { client: client as Client | undefined | object };
  const told: ToTabs[] = [];
  const sender = new Sender({
    ...{ store, repeatWithinMs },
    client: () => session.client as Client | undefined, // it has what the sender uses
    tell: (frame) => void told.push(frame),
  });
  await store.change((_entries, put) =>
    put({ key: "key", message: {}, createdAt: Date.now(), bytes: 1, ...entry }),
  );
  const kept = (): Promise<Entry | undefined> => store.change(([first]) => first);
  const fails = (): unknown => told.find(({ kind }) => kind === "failed");
  return { store, client, session, sender, kept, fails };
}

const refuse = (code: "rate_limited" | "unavailable") => () =>
  Promise.reject(new TidingsError(code, "not now", { retryAfterMs: 60_000 }));

describe("the sender of an outbox", () => {
  it("forgets an attempt that a rate limit has refused, for the server has not stored it", async () => {
    const { sender, kept } = await place(refuse("rate_limited"));
    await sender.flush();
    await eventually("it waits as before", async () => (await kept())?.triedAt === undefined);
    sender.stop();
  });

  it.each([
    ["after an earlier attempt", "rate_limited", { triedAt: Date.now() - 1_000 }, "one"],
    ["on another connection than it began", "rate_limited", {}, "two"],
    ["for another reason", "unavailable", {}, "one"],
  ] as const)("remembers an attempt that is refused %s", async (_when, code, entry, connection) => {
    const { client, sender, store, kept } = await place(refuse(code), entry);
    const update = vi.spyOn(store, "change");
    const { send } = client;
    client.send = (...given) => {
      client.connection = connection;
      return send(...given);
    };
    await sender.flush();
    await new Promise((resolve) => setTimeout(resolve));
    await Promise.all(update.mock.results.map(({ value }) => value));
    expect((await kept())?.triedAt).toBeGreaterThan(0);
    sender.stop();
  });

  it("gives the client no longer than the server knows the key", async () => {
    const send: Send = (_message, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const { sender, kept, fails } = await place(send, {}, 30);
    await sender.flush();
    await eventually("it is in doubt", fails);
    expect((await kept())?.error).toMatchObject({ code: "timeout" });
  });

  it.each([
    ["too old", -240_001],
    ["of a clock that was set back since", 120_000],
  ])("does not repeat an attempt that is %s", async (_which, fromNowMs) => {
    const send = vi.fn();
    const { sender, fails } = await place(send, { triedAt: Date.now() + fromNowMs });
    await sender.flush();
    expect(fails()).toMatchObject({ error: { code: "timeout" } });
    expect(send).not.toHaveBeenCalled();
  });

  it("keeps a message whose session ends before its receipt", async () => {
    const { client, session, sender, kept, fails } = await place(async () => {});
    const ended = Promise.withResolvers<never>();
    client.send = () => ended.promise;
    await sender.flush();
    session.client = undefined;
    ended.reject(new TidingsError("kicked", "the session is over"));
    await new Promise((resolve) => setTimeout(resolve));
    expect((await kept())?.error).toBeUndefined();
    expect(fails()).toBeUndefined();
  });
});
