import { expect, test } from "vitest";
import type { FindingCode, HubOptions, WhyQuery } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer, type Peer } from "../support/peer.ts";
import { connectRaw } from "../support/raw.ts";

/** One way in which a message does not arrive, and the question that somebody asks afterwards. */
interface Case {
  readonly name: string;
  /** The true cause: the first finding. */
  readonly cause: FindingCode;
  readonly options?: HubOptions;
  stage(running: RunningHub): Promise<WhyQuery>;
}

const peerOf = ({ url }: RunningHub, user: string): Promise<Peer> => connectPeer(url({ user_id: user }));

const CASES: readonly Case[] = [
  {
    name: "the user was not connected",
    cause: "not_connected",
    async stage({ hub }) {
      const { id } = await hub.user("bob").send({ type: "n", ephemeral: true });
      return { message: id };
    },
  },
  {
    name: "the user came a moment too late",
    cause: "not_connected",
    async stage(running) {
      const { id } = await running.hub.broadcast({ type: "n" });
      await peerOf(running, "bob");
      return { user: "bob", message: id };
    },
  },
  {
    name: "the user has not joined the group",
    cause: "no_membership",
    async stage(running) {
      await peerOf(running, "bob");
      const { id } = await running.hub.group("team").send({ type: "n" });
      return { user: "bob", message: id };
    },
  },
  {
    name: "the user left the group before",
    cause: "no_membership",
    async stage(running) {
      const bob = await peerOf(running, "bob");
      await bob.request("group.join", { group: "team" });
      await bob.request("group.leave", { group: "team" });
      await running.hub.group("team").send({ type: "n", ephemeral: true });
      return { user: "bob", group: "team" };
    },
  },
  {
    name: "the policy did not let the user join the group",
    cause: "no_grant",
    options: { policy: { join: "granted" } },
    async stage(running) {
      const bob = await peerOf(running, "bob");
      expect(await bob.request("group.join", { group: "team" })).toMatchObject({
        error: { code: "forbidden" },
      });
      const { id } = await running.hub.group("team").send({ type: "n" });
      return { user: "bob", message: id };
    },
  },
  {
    name: "the message was for another platform",
    cause: "filtered",
    async stage(running) {
      await peerOf(running, "bob");
      await running.hub.user("bob").platforms("ios").send({ type: "n" });
      return { user: "bob" };
    },
  },
  {
    name: "the message was for another platform, and a later one was acknowledged",
    cause: "filtered",
    async stage(running) {
      const bob = await peerOf(running, "bob");
      const { id } = await running.hub.user("bob").platforms("ios").send({ type: "n" });
      const { offset } = await running.hub.user("bob").send({ type: "n" });
      expect(await bob.request("message.ack", { offset })).toMatchObject({ data: { offset: 2 } });
      return { user: "bob", message: id };
    },
  },
  {
    name: "the user joined the group afterwards, and acknowledged a later message",
    cause: "no_membership",
    async stage(running) {
      const bob = await peerOf(running, "bob");
      const { id, timestamp } = await running.hub.group("team").send({ type: "n" });
      await eventually("a later moment", () => Date.now() > timestamp + 1);
      await bob.request("group.join", { group: "team" });
      const { offset } = await running.hub.group("team").send({ type: "n" });
      expect(await bob.request("message.ack", { offset, channel: "group:team" })).toMatchObject({
        data: { offset: 2 },
      });
      return { user: "bob", message: id };
    },
  },
  {
    name: "the sender wanted no echo",
    cause: "filtered",
    async stage(running) {
      const [alice, bob] = [await peerOf(running, "alice"), await peerOf(running, "bob")];
      for (const peer of [alice, bob]) await peer.request("group.join", { group: "team" });
      alice.send({ type: "n", group: "team", echo: false });
      const { id } = await bob.frame("n");
      return { user: "alice", message: String(id) };
    },
  },
  {
    name: "the client did not read, and its queue was full",
    cause: "queue_full",
    options: { websocket: { messageBufferSize: 1 } },
    async stage({ hub, url }) {
      const bob = await connectRaw(url({ user_id: "bob" }));
      bob.socket.pause();
      const data = "x".repeat(65_536);
      for (;;) {
        const { state, id } = await hub.user("bob").send({ type: "n", data, ephemeral: true });
        if (state === "dropped") return { message: id };
      }
    },
  },
  {
    name: "a rate limit refused the message of the sender",
    cause: "rate_limited",
    options: { limits: { messagesPerConnection: "1-H", whitelistCIDRs: [] } },
    async stage(running) {
      const [alice, bob] = [await peerOf(running, "alice"), await peerOf(running, "bob")];
      for (const id of [1, 2]) alice.send({ id, type: "n", to: "bob" });
      await Promise.all([bob.frame("n"), alice.next(({ id }) => id === 2)]);
      return { user: "bob" };
    },
  },
  {
    name: "the policy refused the message of the sender",
    cause: "send_failed",
    options: { policy: { sendToUser: "nobody" } },
    async stage(running) {
      const [alice] = [await peerOf(running, "alice"), await peerOf(running, "bob")];
      alice.send({ id: 1, type: "n", to: "bob" });
      await alice.next(({ id }) => id === 1);
      return { user: "bob" };
    },
  },
  {
    name: "the message grew too old before the user came",
    cause: "expired",
    options: { history: { ageMs: 1 } },
    async stage({ hub }) {
      const { id } = await hub.user("bob").send({ type: "n" });
      const channel = hub.user("bob");
      await eventually("the message is gone", async () => (await channel.history()).messages.length === 0);
      return { user: "bob", message: id };
    },
  },
  {
    name: "newer messages took its place before the user came",
    cause: "trimmed",
    options: { history: { count: 1 } },
    async stage({ hub }) {
      const { id } = await hub.user("bob").send({ type: "n" });
      await hub.user("bob").send({ type: "n" });
      return { message: id };
    },
  },
  {
    name: "the message was deleted before the user came",
    cause: "deleted",
    async stage({ hub }) {
      const { id, offset = 0 } = await hub.user("bob").send({ type: "n" });
      await hub.delete("user:bob", { id, offset });
      return { message: id };
    },
  },
  {
    name: "the user is blocked",
    cause: "blocked",
    async stage({ hub }) {
      await hub.user("bob").block(3_600_000);
      const { id } = await hub.user("bob").send({ type: "n" });
      return { message: id };
    },
  },
  {
    name: "the login of the user had expired",
    cause: "login_expired",
    options: {
      auth: { mode: "token", authenticate: async () => ({ user: "bob", expiresAt: Date.now() + 100 }) },
    },
    async stage({ hub, url }) {
      const ended = new Promise((resolve) => hub.on("disconnect", resolve));
      const bob = await connectPeer(url());
      expect((await bob.closed).code).toBe(4005);
      await ended;
      const { id } = await hub.user("bob").send({ type: "n", ephemeral: true });
      return { message: id };
    },
  },
  {
    name: "the message went to somebody else",
    cause: "sent_to_other",
    async stage(running) {
      await peerOf(running, "bob");
      const { id } = await running.hub.user("carol").send({ type: "n" });
      return { user: "bob", message: id };
    },
  },
  {
    name: "it arrived, and the device has acknowledged it",
    cause: "acknowledged",
    async stage(running) {
      const bob = await peerOf(running, "bob");
      const { id, offset } = await running.hub.user("bob").send({ type: "n" });
      expect(await bob.request("message.ack", { offset })).toMatchObject({ data: { offset } });
      return { user: "bob", message: id };
    },
  },
  {
    name: "nothing was sent",
    cause: "no_message",
    async stage(running) {
      await peerOf(running, "bob");
      return { user: "bob" };
    },
  },
  {
    name: "the id is that of no message",
    cause: "unknown_message",
    async stage() {
      return { user: "bob", message: "AAAAAAAA-000" };
    },
  },
];

test.each(CASES)("why: $name", async ({ cause, options, stage }) => {
  const running = await startHub(options);
  const query = await stage(running);
  const { findings } = await running.hub.why(query);
  expect(findings[0]?.code, JSON.stringify(findings, undefined, 2)).toBe(cause);
});
