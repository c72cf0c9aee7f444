import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { refuse } from "../../src/index.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer, type Frame, isMessage, type Peer } from "../support/peer.ts";

const eve = { user_id: "eve" };
const bob = { user_id: "bob" };

/** Every form in which a client sends a message. */
const FORMS: Record<string, object> = {
  plain: { id: 1, type: "n", to: "bob" },
  "plain without an id": { type: "n", to: "bob" },
  ephemeral: { id: 1, type: "n", to: "bob", ephemeral: true },
  acknowledged: { id: 1, type: "n", to: "bob", ack: true, timeoutMs: 1 },
  "message.send": { id: 1, action: "message.send", data: { type: "n", to: "bob" } },
  "the older form": { Module: "message", Action: "Send", Id: 1, Data: { type: "n", to: "bob" } },
  "to a group": { id: 1, type: "n", group: "g" },
  "to everyone": { id: 1, type: "n" },
};

const isAnswer = (frame: Frame): boolean => frame.error !== undefined || frame.Error !== undefined;

const numbers = (peer: Peer): unknown[] => peer.messages.map(({ data }) => data);

describe("a middleware", () => {
  it.each(Object.keys(FORMS))("that bans a user sees the message: %s", async (form) => {
    const { hub, url } = await startHub();
    hub.use(({ user }, next) => (user === "eve" ? Promise.reject(refuse("banned")) : next()));
    const receiver = await connectPeer(url(bob));
    await receiver.request("group.join", { group: "g" });
    const sender = await connectPeer(url(eve));
    sender.send(FORMS[form]);
    expect(JSON.stringify(await sender.next(isAnswer))).toContain("banned");
    expect(await sender.request("robot.heartBeat")).toMatchObject({ error: { code: "refused" } });
    await receiver.request("message.send", { type: "end", to: "bob" });
    expect((await receiver.next(isMessage)).type).toBe("end");
  });

  it("sees messages as message.send, in their order, and returns the reply", async () => {
    const { hub, url } = await startHub();
    const seen: string[] = [];
    hub.use(async ({ action, user }, next) => {
      seen.push(`${user} ${action}`);
      return { wrapped: await next() };
    });
    const receiver = await connectPeer(url(bob));
    receiver.send({ id: 1, type: "n", to: "bob" });
    expect(await receiver.next(({ id, type }) => id === 1 && type === undefined)).toMatchObject({
      data: { wrapped: { state: "delivered", offset: 1 } },
    });
    expect(seen).toEqual(["bob message.send"]);
  });

  it("keeps the order of a client's messages, however long it takes for each", async () => {
    const { hub, url } = await startHub();
    let count = 0;
    hub.use(async (_context, next) => {
      await sleep(count++ % 3 === 0 ? 5 : 0);
      return next();
    });
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(eve));
    for (let data = 0; data < 20; data++) sender.send({ type: "n", to: "bob", data });
    await receiver.take(20, isMessage);
    expect(numbers(receiver)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  it("does not wait for an acknowledgement before the next message", async () => {
    const { hub, url } = await startHub();
    hub.use((_context, next) => next());
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(eve));
    sender.send({ id: 1, type: "n", to: "bob", data: 1, ack: true, timeoutMs: 60_000 });
    sender.send({ id: 2, type: "n", to: "bob", data: 2 });
    await receiver.take(2, isMessage);
    await receiver.request("message.ack", { offset: 2 });
    expect(await sender.next(({ id, type }) => id === 1 && type === undefined)).toMatchObject({
      data: { state: "acked" },
    });
  });

  it("that answers by itself publishes nothing", async () => {
    const { hub, url } = await startHub();
    hub.use(async ({ user }, next) => (user === "eve" ? "not today" : next()));
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(eve));
    sender.send({ id: 1, type: "n", to: "bob" });
    expect(await sender.next(({ id }) => id === 1)).toEqual({ id: 1, data: "not today" });
    await hub.user("bob").send({ type: "end" });
    expect((await receiver.next(isMessage)).type).toBe("end");
  });

  it("that hangs is overdue, publishes nothing later, and holds up no later message", async () => {
    const { hub, url } = await startHub({ timeouts: { handlerMs: 50 } });
    const released = Promise.withResolvers<void>();
    let count = 0;
    const late: Promise<unknown>[] = [];
    hub.use(async (_context, next) => {
      if (count++ > 0) return next();
      await released.promise;
      const publishing = next();
      late.push(publishing.catch((error: unknown) => error));
      return publishing;
    });
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(eve));
    sender.send({ id: 1, type: "n", to: "bob", data: "late" });
    sender.send({ id: 2, type: "n", to: "bob", data: "next" });
    expect(await sender.next(({ id }) => id === 1)).toMatchObject({ error: { code: "timeout" } });
    await receiver.next(isMessage);
    released.resolve();
    await sender.request("robot.heartBeat");
    expect(await late[0]).toMatchObject({ code: "timeout" });
    await receiver.caughtUp();
    expect(numbers(receiver)).toEqual(["next"]);
  });

  it.each([true, false])("that hangs after next answers its client at the deadline, ack: %s", async (ack) => {
    const { hub, url } = await startHub({ timeouts: { handlerMs: 50 } });
    hub.use(async (_context, next) => {
      await next();
      return new Promise(() => {});
    });
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(eve));
    sender.send({ id: 1, type: "n", to: "bob", data: "once", ack, ...(ack ? { timeoutMs: 100 } : {}) });
    const answer = await sender.next(({ id }) => id === 1);
    expect(answer).toMatchObject({ error: { code: "timeout" } });
    await receiver.next(isMessage);
    expect(numbers(receiver)).toEqual(["once"]);
  });

  it("has its deadline from the receipt on: an acknowledgement may take longer", async () => {
    const { hub, url } = await startHub({ timeouts: { handlerMs: 50 } });
    hub.use((_context, next) => next());
    const receiver = await connectPeer(url(bob));
    const sender = await connectPeer(url(eve));
    sender.send({ id: 1, type: "n", to: "bob", ack: true, timeoutMs: 60_000 });
    await receiver.next(isMessage);
    await sleep(100);
    await receiver.request("message.ack", { offset: 1 });
    const answer = await sender.next(({ id, type }) => id === 1 && type === undefined);
    expect(answer).toMatchObject({ data: { state: "acked" } });
  });
});
