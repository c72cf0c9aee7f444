import { describe, expect, it } from "vitest";
import type { Person } from "./person.ts";
import { DESKTOP, overflow, place, SIZES, until } from "./place.ts";

describe.each(SIZES)("the members of a group at %s width", (width, size) => {
  const show = async (person: Person): Promise<void> => {
    if (width === "phone") await person.page.getByRole("button", { name: /Members/ }).click();
  };

  it("are listed with their presence: joined now, durable, online or offline", async () => {
    const { enter, running } = await place(size);
    await running.hub.group("crew").add("dilek");
    const alice = await enter("#alice/group:crew");
    await show(alice);
    await expect
      .poll(() => alice.members(), until)
      .toEqual(["alice: online · joined", "dilek: offline · durable"]);
    const bob = await enter("#bob/group:crew");
    await expect.poll(() => alice.members(), until).toContain("bob: online · joined");
    const dilek = await enter("#dilek/all");
    await expect.poll(() => alice.members(), until).toContain("dilek: online · joined · durable");
    await bob.page.close();
    await dilek.page.close();
    await expect
      .poll(() => alice.members(), until)
      .toEqual(["alice: online · joined", "dilek: offline · durable"]);
  });

  it("are watched again after a reconnect", async () => {
    const { enter } = await place(size);
    const alice = await enter("#alice/group:crew");
    await show(alice);
    await expect.poll(() => alice.members(), until).toHaveLength(1);
    await alice.page.context().setOffline(true);
    await alice.reads("as last known");
    await enter("#bob/group:crew");
    await alice.page.context().setOffline(false);
    await alice.isOnline();
    await expect.poll(() => alice.members(), until).toContain("bob: online · joined");
  });

  it("show their data as text, cut to one line", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/group:crew");
    await show(alice);
    await expect.poll(() => alice.members(), until).toHaveLength(1);
    const mood = `<img src=x onerror=alert(1)>${"W".repeat(300)}`;
    await running.hub.group("crew").setData("alice", { mood });
    const data = alice.page.getByRole("complementary", { name: "Members" }).locator("code");
    await expect.poll(() => data.textContent(), until).toContain("<img src=x");
    expect((await data.textContent())?.length).toBeLessThanOrEqual(200);
    expect(await overflow(alice)).toEqual([]);
    expect(await alice.page.locator(".members img").count()).toBe(0);
  });
});

it("the members of a group of 300 are bounded, and their number is told", async () => {
  const { enter, running } = await place(DESKTOP);
  for (let index = 0; index < 300; index++) await running.hub.group("crew").add(`member-${index}`);
  const alice = await enter("#alice/group:crew");
  await alice.reads("1 joined · 300 durable");
  await expect.poll(async () => (await alice.members()).length, until).toBe(200);
});

/** Nobody is told of it, so the page reads the list again from time to time. */
const READ_AGAIN_MS = 10_000;

it("the members of a group follow a membership that begins and ends while its user is offline", async () => {
  const { enter, running } = await place(DESKTOP);
  const alice = await enter("#alice/group:crew");
  const { clock } = alice.page;
  await clock.install();
  await alice.page.reload();
  await expect.poll(() => alice.members(), until).toEqual(["alice: online · joined"]);
  await running.hub.group("crew").add("emil");
  await clock.fastForward(READ_AGAIN_MS);
  await expect.poll(() => alice.members(), until).toContain("emil: offline · durable");
  await running.hub.group("crew").remove("emil");
  await clock.fastForward(READ_AGAIN_MS);
  await expect.poll(() => alice.members(), until).toEqual(["alice: online · joined"]);
});
