import { describe, expect, it } from "vitest";
import { startHub } from "../../support/hub.ts";
import { connectPeer, Peer } from "../../support/peer.ts";

const OPTIONS = { reason: "spam", notice: { appeal: "abuse@example.com" } };

describe("a blocked user", () => {
  it("is closed on all connections, refused at login, and let in again after the end", async () => {
    const { hub, url } = await startHub();
    const peers = [await connectPeer(url({ user_id: "bob" })), await connectPeer(url({ user_id: "bob" }))];
    const alice = await connectPeer(url({ user_id: "alice" }));
    const causes: string[] = [];
    hub.on("disconnect", ({ cause }) => causes.push(cause));

    expect(await hub.user("bob").block(3_600_000, OPTIONS)).toEqual({ connections: 2, unconfirmed: 0 });

    for (const peer of peers) {
      expect(await peer.closed).toEqual({ code: 4506, reason: "spam" });
      expect(await peer.frame("notice")).toMatchObject({
        code: "blocked",
        message: "spam",
        data: OPTIONS.notice,
      });
    }
    const { code, reason } = await new Peer(url({ user_id: "bob" })).closed;
    expect(code).toBe(4506);
    expect(reason).toMatch(/^this user is blocked for another 3,(600|59\d) s$/);
    expect(causes.every((cause) => cause === "blocked")).toBe(true);
    await alice.caughtUp();

    await hub.user("bob").block(0);
    await connectPeer(url({ user_id: "bob" }));
  });

  it("is in the list of blocked users, of the hub and over HTTP", async () => {
    const apiKey = "an API key of the tests";
    const { hub, at } = await startHub({ apiKey });
    for (const user of ["bob", "carol", "dave"]) await hub.user(user).block(3_600_000);
    const { users, cursor } = await hub.presence.blocked({ limit: 2 });
    expect(users).toEqual([
      { user: "bob", until: expect.any(Number) },
      { user: "carol", until: expect.any(Number) },
    ]);
    const get = async (query: string, key = apiKey): Promise<Response> =>
      fetch(`${at.url}/blocks${query}`, { headers: { "x-api-key": key } });
    expect(await (await get(`?limit=2&cursor=${cursor}`)).json()).toEqual({
      users: [{ user: "dave", until: expect.any(Number) }],
    });
    expect((await get("?limit=1001")).status).toBe(400);
    expect((await get("?cursor=none")).status).toBe(400);
    expect((await get("", "guessed")).status).toBe(401);
    await hub.user("dave").block(0);
    expect(await (await get("")).json()).toEqual({ users });
  });

  it("is closed also when the login was in flight", async () => {
    const { hub, url } = await startHub();
    const [seen, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    // The policy is asked before the arrival, so the block must find the login later: after the arrival.
    hub.on("connect", async () => {
      seen.resolve();
      await go.promise;
    });
    const bob = new Peer(url({ user_id: "bob" }));
    await seen.promise;
    await hub.user("bob").block(3_600_000);
    go.resolve();
    expect((await bob.closed).code).toBe(4506);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1h", 4e12])("%s is no time", async (ms) => {
    const { hub } = await startHub();
    await expect(hub.user("bob").block(ms as number)).rejects.toMatchObject({
      code: "bad_request",
      message: expect.stringContaining("ms: expected a whole number of milliseconds"),
    });
  });
});
