import { describe, expect, it, vi } from "vitest";
import { TidingsError } from "../../src/client/client.ts";
import { Store } from "../../src/offline/store.ts";
import { type PlainSend, TabOutbox } from "../../src/offline/tab/outbox.ts";
import { eventually } from "../support/eventually.ts";
import { FakeDatabases } from "./fake-database.ts";

const chat = (data: unknown) => ({ type: "chat", to: "bob", key: `${data}`, data });

const FORBIDDEN = new TidingsError("forbidden", "not allowed");

/** An outbox without a host, and the store that it shares with other tabs. */
function place(send: PlainSend, store?: Store, repeatWithinMs = 240_000) {
  const limits = { messages: 500, bytes: 5_000_000 };
  const outbox = new TabOutbox({ store, limits, send, repeatWithinMs, tell() {}, share() {} });
  const thaw = (): void => outbox.heard({ kind: "hello", host: "next", sharing: "leader-tab" });
  return { outbox, thaw };
}

describe("the outbox of a tab", () => {
  it("keeps the newest 100 failed messages in memory", async () => {
    const { outbox } = place(() => Promise.reject(FORBIDDEN));
    for (let data = 1; data <= 105; data++)
      await expect(outbox.send(chat(data), undefined)).rejects.toBe(FORBIDDEN);
    const kept = outbox.messages.map(({ message }) => message.data);
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([100, 6, 105]);
  });
});

describe("a tab that thaws", () => {
  /** A tab with a message that waits, and is not sent by others. */
  async function waiting(send: PlainSend, repeatWithinMs?: number) {
    const store = new Store(new FakeDatabases(), "store");
    const { outbox, thaw } = place(send, store, repeatWithinMs);
    const receipt = outbox.send(chat(1), undefined);
    await eventually("it is kept", () => outbox.messages.length === 1);
    return { store, receipt, outbox, thaw };
  }

  /** Answers nothing until it is told to end. */
  const hang: PlainSend = (_message, { signal } = {}) =>
    new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));

  it("asks for a missed receipt once, and not longer than the server knows the key", async () => {
    const send = vi.fn(hang);
    const { store, receipt, outbox, thaw } = await waiting(send, 200);
    const refused = expect(receipt).rejects.toMatchObject({ code: "timeout" });
    await store.update("1", () => undefined);
    thaw();
    thaw();
    await refused;
    expect(send.mock.calls.length).toBeLessThanOrEqual(1);
    expect(outbox.messages).toEqual([]);
  });

  it("learns that its message was refused", async () => {
    const { store, receipt, thaw } = await waiting(hang);
    const refused = expect(receipt).rejects.toMatchObject({ code: "forbidden" });
    const error = { code: "forbidden", message: "not allowed" } as const;
    await store.update("1", (entry) => ({ ...entry, error }));
    thaw();
    await refused;
  });

  it("asks for the message that took the key of a removed one", async () => {
    const store = new Store(new FakeDatabases(), "store");
    await store.remove("1", 240_000);
    await eventually("it is later", async () => Date.now() > ((await store.removed()).get("1") ?? 0));
    const receipt = { id: "id", offset: 1 } as unknown as Awaited<ReturnType<PlainSend>>;
    const { outbox, thaw } = place(async () => receipt, store);
    const sent = outbox.send(chat(1), undefined);
    await eventually("it is kept", () => outbox.messages.length === 1);
    await store.update("1", () => undefined);
    thaw();
    expect(await sent).toBe(receipt);
  });
});
