import { describe, expect, it } from "vitest";
import { Peer } from "../../support/peer.ts";
import { DESKTOP, overflow, place, SIZES, until } from "./place.ts";

describe.each(SIZES)("what hostile users send, at %s width,", (_, size) => {
  it("stays inside its place: long words, other directions, stacked marks, huge JSON", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/group:crew");
    const texts = [
      "W".repeat(5_000),
      "\u202Egnp.exe \u2066\u2067 reversed",
      "مرحبا بالعالم ".repeat(50).trim(),
      `Z${"\u0301\u0489".repeat(500)}`,
      "line\n".repeat(2_000).trim(),
    ];
    for (const text of texts) await running.hub.group("crew").send({ type: "chat", data: { text } });
    await expect.poll(() => alice.texts(), until).toEqual(texts);
    const data = Array.from({ length: 12_000 }, (_row, index) => ({ index, html: "<b>x</b>" }));
    await running.hub.group("crew").send({ type: "<i>huge</i>", data });
    await alice.reads(/more characters\. The Frames panel has the frame\./);
    const huge = await alice.messages.last().locator("pre").textContent();
    expect(huge?.length).toBe(10_000);
    expect(await alice.page.locator(".messages :is(b, i)").count()).toBe(0);
    expect(await overflow(alice)).toEqual([]);
    await alice.page.getByRole("button", { name: "Frames", exact: true }).click();
    const panel = alice.page.getByRole("region", { name: "Frames" });
    const row = panel.getByRole("listbox").getByRole("option").filter({ hasText: "<i>huge</i>" });
    await row.click();
    await panel.getByText("Only the first 64 KiB of this frame are kept.").waitFor();
    expect((await panel.locator("pre").textContent())?.length).toBe(20_000);
    expect(await overflow(alice)).toEqual([]);
  });
});

describe("a flood", () => {
  it("of thousands of messages with the Frames panel open leaves the page usable, and its lists bounded", async () => {
    const { enter, running } = await place(DESKTOP, { websocket: { messageBufferSize: 10_000 } });
    const alice = await enter("#alice/all");
    await alice.page.getByRole("button", { name: "Frames", exact: true }).click();
    const panel = alice.page.getByRole("region", { name: "Frames" });
    await panel.getByLabel("Text").fill("number");
    for (let round = 0; round < 5; round++) {
      const numbers = Array.from({ length: 1_000 }, (_, index) => round * 1_000 + index);
      await Promise.all(
        numbers.map((number) => running.hub.broadcast({ type: "chat", data: `number ${number}` })),
      );
    }
    await alice.say("still usable");
    await alice.message("still usable").getByText("delivered").waitFor();
    await alice.message("number 4999").waitFor();
    expect(await alice.messages.count()).toBeLessThanOrEqual(1_200);
    expect(await panel.getByRole("listbox").getByRole("option").count()).toBeLessThan(60);
    await alice.reads(/of 2,?\d{3} frames/);
  });

  it("of users leaves a list of 100, in which the others are found", async () => {
    const { enter, running } = await place(DESKTOP);
    const alice = await enter("#alice/all");
    const peers = await Promise.all(
      Array.from({ length: 130 }, (_, index) =>
        Peer.connect(running.url({ user_id: `user-${String(index).padStart(3, "0")}` })),
      ),
    );
    const people = alice.page.getByTestId("people").getByRole("listitem");
    await alice.reads("130 online");
    await alice.reads("30 more are not shown.");
    expect(await people.count()).toBe(100);
    await alice.page.getByRole("searchbox", { name: "Find people" }).fill("129");
    await expect.poll(() => people.count(), until).toBe(1);
    for (const peer of peers) peer.end();
    await alice.page.getByText("0 online", { exact: true }).waitFor();
  });
});
