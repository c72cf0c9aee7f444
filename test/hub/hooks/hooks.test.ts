import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Hooks } from "../../../src/publish/publish.ts";
import { codesIn, readPage, tableAfter } from "../../docs/markdown.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, joined } from "../../support/peer.ts";
import { startPrivate, tokenOf } from "../permissions/scene.ts";

const bob = { user_id: "bob" };

describe("the hooks join and leave", () => {
  it("tell of every way into a group and out of it, once", async () => {
    const { hub, url } = await startHub();
    const events: string[] = [];
    hub.on("join", ({ connection, group }) => events.push(`${connection.user} joins ${group}`));
    hub.on("leave", ({ connection, group }) => events.push(`${connection.user} leaves ${group}`));
    const told = async (...expected: string[]): Promise<void> => {
      await eventually(`${expected}`, () => events.length >= expected.length);
      expect(events.splice(0)).toEqual(expected);
    };
    await hub.group("durable").add("bob");
    const peer = await connectPeer(url(bob));
    await told("bob joins durable");
    await joined(peer, "a");
    await joined(peer, "a");
    await told("bob joins a");
    await peer.request("group.leave", { group: "a" });
    await peer.request("group.leave", { group: "a" });
    await told("bob leaves a");
    await hub.group("b").add("bob");
    await told("bob joins b");
    await hub.group("durable").remove("bob");
    await told("bob leaves durable");
    peer.end();
    await told("bob leaves b");
  });
});

describe.each(["group.leave", "a closed connection", "a kick"])("the hook leave, after %s", (way) => {
  it("finds the group without the user who has left", async () => {
    const { hub, url } = await startHub();
    const found = Promise.withResolvers<unknown>();
    hub.on("leave", ({ group }) => found.resolve(hub.group(group).members()));
    const peer = await joined(await connectPeer(url(bob)), "g");
    await joined(await connectPeer(url({ user_id: "alice" })), "g");

    if (way === "group.leave") await peer.request("group.leave", { group: "g" });
    else if (way === "a kick") await hub.user("bob").kick();
    else peer.end();

    expect(await found.promise).toMatchObject({ members: [{ user: "alice" }] });
    expect(await hub.group("g").members()).toMatchObject({ members: [{ user: "alice" }] });
  });
});

describe("the hook acknowledged", () => {
  it("tells where the cursor of the device stands", async () => {
    const { hub, url } = await startHub();
    const events: unknown[] = [];
    hub.on("acknowledged", ({ connection, channel, offset }) =>
      events.push({ device: connection.device, channel, offset }),
    );
    const peer = await connectPeer(url({ ...bob, device: "phone" }));
    for (let n = 0; n < 2; n++) await hub.user("bob").send({ type: "n" });
    await peer.request("message.ack", { offset: 2 });
    await peer.request("message.ack", { offset: 1 });
    await peer.request("message.ack", { offset: 1, channel: "group:other" });
    const event = { device: "phone", channel: "user:bob", offset: 2 };
    expect(events).toEqual([event, event]);
  });
});

describe.each([true, false])("the hook dropped, with dropOnFull %s", (dropOnFull) => {
  it("counts the messages that a full queue drops, per connection and tick", async () => {
    const { hub, url } = await startHub({
      websocket: { messageBufferSize: 4, dropOnFull, sendTimeoutMs: 1 },
    });
    const events: { user: string; messages: number }[] = [];
    hub.on("dropped", ({ connection, messages }) => events.push({ user: connection.user, messages }));
    const slow = await connectPeer(url(bob));
    const quick = await connectPeer(url({ user_id: "alice" }));
    slow.pause();
    const data = "x".repeat(100_000);
    // More than a socket takes whose client does not read.
    for (let round = 0; round < 10_000 && events.length === 0; round++) {
      const sent = Array.from({ length: 20 }, () =>
        hub.user("bob").send({ type: "n", data, ephemeral: true }),
      );
      await Promise.all(sent);
      await quick.caughtUp();
    }
    expect(events.length).toBeGreaterThan(0);
    for (const { user, messages } of events) {
      expect(user).toBe("bob");
      expect(messages).toBeGreaterThan(0);
      expect(messages).toBeLessThanOrEqual(20);
    }
  });
});

describe("contexts", () => {
  it("carry claims and the application's own data through hooks, middleware, handlers and the policy", async () => {
    const { hub, connect } = await startPrivate();
    const seen: unknown[] = [];
    hub.on("connect", ({ connection }) => {
      connection.data.steps = ["connect"];
      seen.push(connection.claims.sub);
    });
    const step = (data: Record<string, unknown>, name: string): number => (data.steps as string[]).push(name);
    hub.use((context, next) => {
      step(context.data, "middleware");
      return next();
    });
    hub.authorize(({ connection, verb }) => verb !== "send" || step(connection.data, "policy") > 0);
    hub.on("message", ({ connection }) => void step(connection.data, "message"));
    hub.action("app.read", z.undefined(), ({ user, claims, data, connection }) => {
      step(data, "handler");
      expect(connection.data).toBe(data);
      return { user, sub: claims.sub, steps: data.steps };
    });
    const alice = await connect("alice");
    alice.send({ id: 1, type: "n", to: "bob" });
    await alice.next(({ id }) => id === 1);
    expect(await alice.request("app.read")).toMatchObject({
      data: {
        user: "alice",
        sub: "alice",
        steps: ["connect", "middleware", "policy", "message", "middleware", "handler"],
      },
    });
    expect(seen).toEqual(["alice"]);
    expect(Object.keys((await hub.user("alice").connections())[0] ?? {})).not.toContain("claims");
  });

  it("have the claims of the last login", async () => {
    const { hub, connect } = await startPrivate();
    const expiries = new Set<unknown>();
    hub.action("app.read", z.undefined(), ({ claims }) => expiries.add(claims.can));
    const alice = await connect("alice", { join: ["group:a"] });
    await alice.request("app.read");
    await alice.request("robot.login", { token: await tokenOf("alice", { join: ["group:b"] }) });
    await alice.request("app.read");
    expect([...expiries]).toEqual([{ join: ["group:a"] }, { join: ["group:b"] }]);
  });

  it("are empty without credentials", async () => {
    const { hub, url } = await startHub();
    hub.action("app.read", z.undefined(), ({ claims, data }) => ({ claims, data }));
    const peer = await connectPeer(url(bob));
    expect(await peer.request("app.read")).toMatchObject({ data: { claims: {}, data: {} } });
  });
});

it("the table of docs/HOOKS.md has every hook", () => {
  const told = tableAfter(readPage("docs/HOOKS.md"), "# Hooks").map(([name]) => codesIn(name)[0]);
  expect(told).toEqual(new Hooks(1).names);
});
