import { describe, expect, it } from "vitest";
import { place, SIZES, until } from "./place.ts";

describe.each(SIZES)("the page at %s width, without a connection,", (_, size) => {
  it("says Offline, and not that it is online, from the moment that the browser loses its network", async () => {
    const { enter } = await place(size);
    const alice = await enter("#alice/all");
    expect(await alice.notices()).toBe("");
    await alice.page.context().setOffline(true);
    await alice.reads("Offline");
    await alice.reads(/The browser has no network|Reconnecting|Connecting/);
    await expect.poll(() => alice.page.title(), until).toContain("Offline");
    expect(await alice.status()).not.toContain("Online");
    await alice.page.context().setOffline(false);
    await alice.isOnline();
    await expect.poll(() => alice.notices(), until).not.toContain("Offline");
    expect(await alice.page.title()).not.toContain("Offline");
  });

  it("says Offline while its server is gone", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/all");
    await running.hub.close();
    await alice.reads("Offline");
    expect(await alice.status()).toMatch(/^Offline(Reconnecting|Connecting)/);
    // Its own line of the console, for each attempt to connect.
    alice.complaints.length = 0;
  });

  it("says Offline when the session is over", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/all");
    await running.hub.user("alice").kick({ reason: "enough for today" });
    await alice.reads("Disconnected: enough for today");
    expect(await alice.status()).toBe("OfflineDisconnected: enough for today");
  });

  it("is online again when a frame proves that the hub is reached without a network", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/all");
    await alice.page.evaluate(() => dispatchEvent(new Event("offline")));
    await expect.poll(() => alice.status(), until).toBe("Online");
    await running.hub.broadcast({ type: "chat", data: "still here" });
    await alice.message("still here").waitFor();
  });
});
