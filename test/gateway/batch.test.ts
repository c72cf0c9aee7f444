import { describe, expect, it } from "vitest";
import { type RunningHub, startHub } from "../support/hub.ts";
import { API_KEY } from "../support/keys.ts";
import { connectPeer } from "../support/peer.ts";
import { type Answer, call } from "./http/call.ts";

const batch = (running: RunningHub, operations: unknown, headers = {}): Promise<Answer> =>
  call(running, "/batch", { body: { operations }, headers });

describe("POST /batch", () => {
  it("runs operations in order, with a result for each", async () => {
    const running = await startHub();
    const bob = await connectPeer(running.url({ user_id: "bob" }));
    const eve = await connectPeer(running.url({ user_id: "eve" }));
    const { status, body } = await batch(running, [
      { op: "join", user: "bob", group: "g" },
      { op: "send", group: "g", type: "chat", data: "one" },
      { op: "send", to: "bob", type: "chat", data: "two", from: "alice" },
      { op: "broadcast", type: "chat", data: "three", ephemeral: true },
      { op: "kick", user: "eve", reason: "spam" },
      { op: "leave", user: "bob", group: "g" },
      { op: "send", group: "g", type: "chat", data: "four" },
      { op: "send", to: "bob", type: "chat", count: true },
    ]);
    expect(status).toBe(200);
    expect(body.results).toMatchObject([
      { connections: 1, unconfirmed: 0 },
      { state: "delivered", offset: 1 },
      { state: "delivered", offset: 1 },
      { state: "delivered" },
      { connections: 1, unconfirmed: 0 },
      { connections: 1, unconfirmed: 0 },
      { state: "stored", offset: 2 },
      { state: "delivered", offset: 2, total: 1 },
    ]);
    await bob.caughtUp();
    // One order per channel; there is none between channels.
    expect(new Set(bob.messages.map(({ data }) => data))).toEqual(new Set(["one", "two", "three", null]));
    const own = bob.messages.filter(({ to }) => to === "bob");
    expect(own.map(({ data }) => data)).toEqual(["two", null]);
    expect(await eve.closed).toEqual({ code: 4501, reason: "spam" });
    expect(eve.messages.map(({ data }) => data)).toEqual(["three"]);
  });

  it("answers each failed operation with its error, and runs the others", async () => {
    const running = await startHub();
    const good = { op: "send", to: "bob", type: "chat", data: 1 };
    const bad: [unknown, string][] = [
      [{ op: "sned", to: "bob", type: "chat" }, "op"],
      [{ to: "bob", type: "chat" }, "op"],
      [null, "expected object"],
      ["send", "expected object"],
      [{ op: "send", type: "chat" }, "expected either to (a user) or group"],
      [{ op: "send", to: "bob", group: "g", type: "chat" }, "expected either to (a user) or group"],
      [{ op: "send", to: "", type: "chat" }, "to: expected"],
      [{ op: "send", to: "bob" }, "type: expected string"],
      [{ op: "send", to: "bob", type: "" }, "type"],
      [{ op: "send", to: "bob", type: "chat", dat: 1 }, "dat"],
      [{ op: "broadcast", type: "chat", to: "bob" }, "to"],
      [{ op: "send", group: "g", type: "chat", ack: true }, "ack: expected"],
      [{ op: "kick", to: "bob" }, "user"],
      [{ op: "join", user: "bob" }, "group"],
    ];
    const { body } = await batch(
      running,
      bad.flatMap(([operation]) => [operation, good]),
    );
    const results = body.results as { error?: { code: string; message: string }; offset?: number }[];
    for (const [index, [operation, problem]] of bad.entries()) {
      const { error } = results[2 * index] ?? {};
      expect({ operation, error }).toMatchObject({
        error: { code: "bad_request", message: expect.stringContaining(problem) },
      });
      expect(results[2 * index + 1]?.offset).toBe(index + 1);
    }
  });

  it("takes an idempotency key for each message", async () => {
    const running = await startHub();
    const operation = { op: "send", to: "bob", type: "chat", data: 1, key: "k" };
    const { body } = await batch(running, [operation, operation]);
    expect(body.results).toMatchObject([{ offset: 1 }, { offset: 1, duplicate: true }]);
  });

  it.each([[[]], [Array(1_001).fill({ op: "broadcast", type: "a" })], ["all"], [{}], [undefined]])(
    "refuses what is no list of 1 to 1,000 operations",
    async (operations) => {
      const running = await startHub();
      const { status, body } = await batch(running, operations);
      expect({ status, body }).toMatchObject({ status: 400, body: { error: { code: "bad_request" } } });
      await expect(running.hub.batch(operations as never)).rejects.toMatchObject({
        code: "bad_request",
        message: "operations: expected a list of 1 to 1,000 operations",
      });
    },
  );

  it("gives orders about users to keys of the scope admin only", async () => {
    const publish = "a key that may publish";
    const running = await startHub({
      apiKey: API_KEY,
      apiKeys: [`publish:${publish}`, "read:a key that may read"],
    });
    const operations = [
      { op: "join", user: "bob", group: "g" },
      { op: "send", to: "bob", type: "chat" },
      { op: "kick", user: "bob" },
      { op: "leave", user: "bob", group: "g" },
    ];
    const forbidden = { error: { code: "forbidden" } };
    const { body } = await batch(running, operations, { "x-api-key": publish });
    expect(body.results).toMatchObject([forbidden, { state: "stored" }, forbidden, forbidden]);
    const admin = await batch(running, operations, { "x-api-key": API_KEY });
    expect(JSON.stringify(admin.body)).not.toContain("forbidden");
    expect((await batch(running, operations, { "x-api-key": "a key that may read" })).status).toBe(403);
    expect((await batch(running, operations)).status).toBe(401);
  });

  it("bounds the data of one message, and the body", async () => {
    const running = await startHub({ websocket: { maxMessageSize: 1_000 } });
    const large = { op: "send", to: "bob", type: "chat", data: "x".repeat(1_000) };
    const { body } = await batch(running, [large, { op: "send", to: "bob", type: "chat" }]);
    expect(body.results).toMatchObject([{ error: { code: "too_large" } }, { offset: 1 }]);
    expect((await batch(running, Array(9).fill(large))).status).toBe(413);
  });

  it("is the same in code", async () => {
    const { hub, url } = await startHub();
    const bob = await connectPeer(url({ user_id: "bob" }));
    const results = await hub.batch([
      { op: "send", to: "bob", type: "chat", data: 1 },
      { op: "kick", user: "bob" },
    ]);
    expect(results).toMatchObject([{ state: "delivered" }, { connections: 1 }]);
    expect((await bob.closed).code).toBe(4501);
  });
});
