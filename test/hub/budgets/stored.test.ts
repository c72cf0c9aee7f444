import { describe, expect, it } from "vitest";
import { startHub } from "../../support/hub.ts";
import { connectPeer, isMessage } from "../../support/peer.ts";

const KIB = 1_024;
const body = "x".repeat(10 * KIB);
const position = (channel: string) => (frame: Record<string, unknown>) =>
  frame.event === "position" && frame.channel === channel;

describe("the bytes that a user stores", () => {
  it("are limited within an hour; ephemeral messages, others and the application are not", async () => {
    const { hub, url } = await startHub({ publish: { storedBytesPerHour: 100 * KIB } });
    const eve = await connectPeer(url({ user_id: "eve" }));
    const other = await connectPeer(url({ user_id: "alice" }));

    for (let id = 1; id <= 20; id++) eve.send({ id, type: "n", to: `invented-${id}`, data: body });
    const answers = await eve.take(20, ({ id, type }) => id !== undefined && type === undefined);

    const refused = answers.filter(({ error }) => error !== undefined);
    expect(answers.length - refused.length).toBe(9);
    expect(refused[0]).toMatchObject({
      error: { code: "rate_limited", message: expect.stringContaining("102,400 bytes") },
    });
    const sent = await eve.request("message.send", { type: "n", to: "bob", data: body });
    expect(sent).toMatchObject({ error: { code: "rate_limited" } });
    expect(await eve.request("message.send", { type: "n", to: "bob", ephemeral: true })).toHaveProperty(
      "data",
    );
    expect(await other.request("message.send", { type: "n", to: "bob", data: body })).toHaveProperty("data");
    for (let n = 0; n < 20; n++) await hub.user("bob").send({ type: "n", data: body, from: "eve" });
    expect((await hub.history("user:bob", { limit: 100 })).messages).toHaveLength(21);
  });
});

describe("a flood that fills the memory", () => {
  it("leaves the histories of those who have little", async () => {
    const { hub, url } = await startHub({
      history: { totalBytes: 2_048 * KIB },
      publish: { storedBytesPerHour: 0 },
    });
    for (let n = 1; n <= 3; n++) await hub.user("bob").send({ type: "n", data: n });
    const eve = await connectPeer(url({ user_id: "eve" }));

    for (let id = 1; id <= 60; id++) eve.send({ id, type: "n", to: `invented-${id}`, data: body.repeat(10) });
    await eve.take(60, ({ id, type }) => id !== undefined && type === undefined);

    const bob = await connectPeer(url({ user_id: "bob" }));
    await bob.take(3, isMessage);
    expect(await bob.next(position("user:bob"))).toMatchObject({ offset: 0, recovered: true });
  });
});

describe("a device that comes back without a position is told of a loss", () => {
  /** Stores three messages, lets a device of bob acknowledge two, and removes the first ones. */
  async function scene(
    history: object,
    lose: (hub: Awaited<ReturnType<typeof startHub>>["hub"]) => Promise<void>,
  ) {
    const running = await startHub({ history });
    const { hub, url } = running;
    const bob = await connectPeer(url({ user_id: "bob" }));
    for (let n = 1; n <= 3; n++) await hub.user("bob").send({ type: "n", data: n });
    await bob.take(3, isMessage);
    await bob.request("message.ack", { offset: 2 });
    await bob.close();
    await lose(hub);
    return running;
  }

  it("when its cursor is older than the first message that is left", async () => {
    const { url } = await scene({ count: 4 }, async (hub) => {
      for (let n = 4; n <= 9; n++) await hub.user("bob").send({ type: "n", data: n });
    });
    const bob = await connectPeer(url({ user_id: "bob" }));
    expect(await bob.next(position("user:bob"))).toMatchObject({ offset: 5, recovered: false });
  });

  it("when its history was pushed out, as is a device without a cursor", async () => {
    const { url } = await scene({ totalBytes: 20_000 }, async (hub) => {
      // It fits, with bob's cursor, when bob's messages are gone.
      await hub.user("large").send({ type: "n", data: "x".repeat(18_500) });
    });
    for (const device of ["web", "new"]) {
      const bob = await connectPeer(url({ user_id: "bob", device }));
      expect(await bob.next(position("user:bob"))).toMatchObject({ offset: 0, recovered: false });
    }
    const carol = await connectPeer(url({ user_id: "carol" }));
    expect(await carol.next(position("user:carol"))).toMatchObject({ offset: 0, recovered: true });
  });
});
