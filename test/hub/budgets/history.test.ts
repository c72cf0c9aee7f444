import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, isMessage, joined } from "../../support/peer.ts";
import { connectRaw } from "../../support/raw.ts";

const LARGE = "x".repeat(400_000);
const MIB = 1_048_576;
/** Groups of a client that asks for more than the node may keep, and for little enough to be read without long pauses. */
const GROUPS = 5;
const range = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe("a history of large messages", () => {
  it("is read page by page without a hole, and each page says that there is more", async () => {
    const { hub, url } = await startHub();
    const eve = await joined(await connectPeer(url({ user_id: "eve" })), "g");
    for (const _ of range(6)) await hub.group("g").send({ type: "n", data: LARGE });
    await eve.take(6, isMessage);

    const seen: number[] = [];
    for (let before: number | undefined; ; before = seen[0]) {
      const { data } = await eve.request("message.history", { channel: "group:g", limit: 200, before });
      const page = data as { messages: { offset: number }[]; more: boolean };
      expect(page.messages).toHaveLength(1);
      seen.unshift(...page.messages.map(({ offset }) => offset));
      if (!page.more) break;
    }
    expect(seen).toEqual(range(6));
    const hubs = await hub.history("group:g", { limit: 200 });
    expect(hubs).toMatchObject({ more: true, messages: [{ offset: 6 }] });
  });

  it("is replayed whole", async () => {
    const { hub, url } = await startHub();
    for (const _ of range(8)) await hub.user("bob").send({ type: "n", data: LARGE });
    const bob = await connectPeer(url({ user_id: "bob" }));
    await bob.take(8, isMessage);
    expect(bob.messages.map(({ offset }) => offset)).toEqual(range(8));
  });

  it.each([
    ["message.history", 16], // pages of one message
    ["message.resume", 2 * GROUPS], // replays of four
  ])(
    "costs a bounded number of bytes when a client asks by %s and reads nothing",
    async (action, requests) => {
      const { hub, url } = await startHub();
      const { epoch } = await hub.group("g0").send({ type: "n" });
      for (const group of range(GROUPS)) {
        for (const _ of range(4)) await hub.group(`g${group}`).send({ type: "n", data: LARGE });
      }
      const eve = await connectRaw(url({ user_id: "eve" }));
      for (const group of range(GROUPS))
        eve.send({ id: group, action: "group.join", data: { group: `g${group}` } });
      await eve.until(() => eve.frames.filter(({ id }) => id !== undefined).length === GROUPS);
      eve.socket.pause();
      for (const id of range(requests)) {
        const channel = `group:g${1 + (id % GROUPS)}`;
        eve.send({ id: 100 + id, action, data: { channel, epoch, offset: 0, limit: 200 } });
      }

      const pending = async (): Promise<number> => {
        const stats = (await (await fetch(url().replace(/^ws(.*)\?.*$/, "http$1/stats"))).json()) as {
          pending: { bytes: number };
        };
        return stats.pending.bytes;
      };
      await eventually("pages are pending", async () => (await pending()) > 0);
      const other = await connectPeer(url({ user_id: "bob" }));
      for (const _ of range(20)) await other.request("message.history", { channel: "all" });
      expect(await pending()).toBeLessThan(2.5 * MIB);

      eve.socket.resume();
      await eve.until(() => eve.frames.filter(({ id }) => Number(id) > 100).length === requests);
    },
  );
});
