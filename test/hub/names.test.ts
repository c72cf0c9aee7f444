import { describe, expect, it } from "vitest";
import { startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";

/** Sends a message with an idempotency key as a user. @returns the receipt */
async function sendAs(url: (parameters: Record<string, string>) => string, user: string, key: string) {
  const peer = await connectPeer(url({ user_id: user }));
  const { data } = await peer.request("message.send", { type: "chat", to: "bob", data: user, key });
  return data;
}

describe("idempotency keys of different senders never meet", () => {
  it.each([
    ["org", "alice/k1", "org/alice", "k1"],
    ["org", "/k1", "org/", "k1"],
    ["org%2Falice", "k1", "org/alice", "k1"],
    ["a/b", "c", "a", "b/c"],
  ])("user %s with the key %s, user %s with the key %s", async (user, key, other, otherKey) => {
    const { url } = await startHub();
    expect(await sendAs(url, user, key)).toMatchObject({ offset: 1 });
    const second = await sendAs(url, other, otherKey);
    expect(second).toMatchObject({ offset: 2 });
    expect(second).not.toHaveProperty("duplicate");
    expect(await sendAs(url, user, key)).toMatchObject({ offset: 1, duplicate: true });
  });
});

describe("an idempotency key for several users counts for each separately", () => {
  it("also where user and key could be joined in two ways", async () => {
    const { hub } = await startHub();
    const message = { type: "x" };
    const sent = [
      await hub.users(["a"]).send({ ...message, key: "k/b" }),
      await hub.users(["b/a"]).send({ ...message, key: "k" }),
      [await hub.user("a").send({ ...message, key: "k/b/a" })],
      [await hub.user("b/a").send({ ...message, key: "k/b" })],
    ].flat();
    expect(sent.filter(({ duplicate }) => duplicate)).toEqual([]);
    expect(await hub.users(["b/a"]).send({ ...message, key: "k" })).toMatchObject([{ duplicate: true }]);
  });
});
