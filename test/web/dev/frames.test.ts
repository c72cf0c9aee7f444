import type { Locator } from "playwright-core";
import { describe, expect, it } from "vitest";
import { screenshot } from "../browser.ts";
import type { Person } from "./person.ts";
import { DESKTOP, overflow, place, SIZES, until } from "./place.ts";

const panel = ({ page }: Person): Locator => page.getByRole("region", { name: "Frames" });

const rows = (person: Person): Locator => panel(person).getByRole("listbox").getByRole("option");

async function openFrames(person: Person): Promise<void> {
  await person.page.getByRole("button", { name: "Frames", exact: true }).click();
  await panel(person).waitFor();
}

describe.each(SIZES)("the Frames panel at %s width", (width, size) => {
  it("shows frames in both directions with time, direction, kind, channel, offset and size", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/group:crew");
    await openFrames(alice);
    await panel(alice).getByRole("listbox").focus();
    await alice.page.keyboard.press("Home");
    await expect.poll(() => rows(alice).first().textContent(), until).toMatch(/connectionopen/);
    const login = rows(alice).filter({ hasText: "robot.login" }).first();
    expect(await login.textContent()).toMatch(/^\d\d:\d\d:\d\d\.\d{3}↑outlogin/);
    await running.hub.group("crew").send({ type: "order", data: { text: "Cast off" } });
    await alice.page.keyboard.press("End");
    const order = rows(alice).filter({ hasText: "order" });
    await expect.poll(() => order.textContent(), until).toMatch(/↓inmessageordergroup:crew#1\d+ B/);
    expect(await overflow(alice)).toEqual([]);
    if (width === "phone") return;
    await order.click();
    await panel(alice).getByRole("article").waitFor();
    await screenshot(alice.page, "frames-desktop");
  });

  it("opens with its detail by mouse and keyboard, as text", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/group:crew");
    await openFrames(alice);
    await running.hub.group("crew").send({ type: "order", data: "<img src=x onerror=alert(1)>" });
    await rows(alice).filter({ hasText: "order" }).click();
    const detail = panel(alice).getByRole("article");
    await expect.poll(() => detail.locator("pre").textContent(), until).toContain('"data": "<img src=x');
    expect(await panel(alice).locator("img").count()).toBe(0);
    const former = await detail.getByRole("heading").textContent();
    await panel(alice).getByRole("listbox").focus();
    await alice.page.keyboard.press("ArrowUp");
    await expect.poll(() => detail.getByRole("heading").textContent(), until).not.toBe(former);
    expect(await overflow(alice)).toEqual([]);
    await detail.getByRole("button", { name: "Close the frame" }).click();
    await expect.poll(() => detail.count(), until).toBe(0);
  });

  it("filters by direction, kind, channel and text", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/group:crew");
    await running.hub.group("crew").send({ type: "order", data: "seven" });
    await running.hub.user("alice").send({ type: "note", data: "eight" });
    await openFrames(alice);
    const names = async (): Promise<string[]> => rows(alice).locator(".name").allTextContents();
    await expect.poll(names, until).toEqual(expect.arrayContaining(["note", "order"]));
    const messages = panel(alice).getByLabel("Kind");
    await messages.selectOption("message");
    await expect.poll(async () => (await names()).sort(), until).toEqual(["note", "order"]);
    await panel(alice).getByLabel("Channel").fill("crew");
    await expect.poll(names, until).toEqual(["order"]);
    await panel(alice).getByLabel("Channel").fill("");
    await panel(alice).getByLabel("Text").fill("EIGHT");
    await expect.poll(names, until).toEqual(["note"]);
    await panel(alice).getByLabel("Text").fill("");
    await panel(alice).getByLabel("Direction").selectOption("out");
    await expect.poll(names, until).toEqual([]);
    await messages.selectOption("");
    await expect.poll(names, until).toContain("group.join");
    expect(await names()).not.toContain("robot.ping");
    await panel(alice).getByLabel("Pings").check();
    await expect.poll(names, until).toContain("robot.ping");
  });

  it("shows epoch, offsets and cursor of each channel, and leads to its frames", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/group:crew");
    const { epoch } = await running.hub.group("crew").send({ type: "order", data: 1 });
    await openFrames(alice);
    await panel(alice)
      .getByRole("tab", { name: /Channels/ })
      .click();
    const row = panel(alice).getByRole("row").filter({ hasText: "group:crew" });
    await expect
      .poll(() => row.getByRole("cell").allTextContents(), until)
      .toEqual(["1", "1", "–", epoch, "yes"]);
    await row.getByRole("button", { name: "group:crew" }).click();
    await expect.poll(() => rows(alice).locator(".channel").allTextContents(), until).toContain("group:crew");
    expect(new Set(await rows(alice).locator(".channel").allTextContents())).toEqual(new Set(["group:crew"]));
  });

  it("shows the requests without a reply", async () => {
    const answer = Promise.withResolvers<void>();
    const { enter, running } = await place(size);
    running.hub.on("message", () => answer.promise);
    const alice = await enter("#alice/user:bob");
    await alice.say("Hello");
    await openFrames(alice);
    await panel(alice)
      .getByRole("tab", { name: /Open requests/ })
      .click();
    const row = panel(alice).getByRole("row").filter({ hasText: "chat" });
    await expect.poll(() => row.textContent(), until).toMatch(/messagechatuser:bob/);
    answer.resolve();
    await expect.poll(() => row.count(), until).toBe(0);
  });

  it("is operated by keyboard, and stays open over a reload", async () => {
    const { enter } = await place(size);
    const alice = await enter("#alice");
    const toggle = alice.page.getByRole("button", { name: "Frames", exact: true });
    await toggle.focus();
    await alice.page.keyboard.press("Enter");
    const tab = panel(alice).getByRole("tab", { name: "Frames" });
    await tab.focus();
    await alice.page.keyboard.press("ArrowRight");
    await expect
      .poll(() => panel(alice).getByRole("tab", { selected: true }).textContent(), until)
      .toMatch("Channels");
    await alice.page.reload();
    await panel(alice).waitFor();
    await panel(alice).getByRole("listbox").focus();
    await alice.page.keyboard.press("End");
    await alice.page.keyboard.press("ArrowUp");
    await panel(alice).getByRole("article").waitFor();
    await alice.page.keyboard.press("Escape");
    await expect.poll(() => panel(alice).getByRole("article").count(), until).toBe(0);
    await alice.page.keyboard.press("Escape");
    await expect.poll(() => panel(alice).count(), until).toBe(0);
    expect(width === "phone" || (await toggle.isVisible())).toBe(true);
  });
});

describe("the Frames panel", () => {
  it("pauses, goes on, and clears", async () => {
    const { enter, running } = await place(DESKTOP);
    const alice = await enter("#alice/all");
    await openFrames(alice);
    await running.hub.broadcast({ type: "one", data: 1 });
    await expect.poll(() => rows(alice).locator(".name").allTextContents(), until).toContain("one");
    await panel(alice).getByRole("button", { name: "Pause" }).click();
    await running.hub.broadcast({ type: "two", data: 2 });
    await alice.messages.filter({ hasText: "two" }).waitFor();
    await alice.reads(/, paused/);
    expect(await rows(alice).locator(".name").allTextContents()).not.toContain("two");
    await panel(alice).getByRole("button", { name: "Resume" }).click();
    await expect.poll(() => rows(alice).locator(".name").allTextContents(), until).toContain("two");
    await panel(alice).getByRole("button", { name: "Clear" }).click();
    await expect.poll(() => rows(alice).locator(".name").allTextContents(), until).not.toContain("two");
  });

  it("copies the frames that it shows as lines of JSON", async () => {
    const { enter, running } = await place(DESKTOP, {});
    const alice = await enter("#alice/all");
    await alice.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await openFrames(alice);
    await running.hub.broadcast({ type: "order", data: 738529527931269 });
    await panel(alice).getByLabel("Text").fill("order");
    await expect.poll(() => rows(alice).count(), until).toBe(1);
    // It says so for a moment only.
    const copy = panel(alice).getByRole("button", { name: "Copy" });
    await Promise.all([alice.reads("Copied"), copy.click()]);
    const text = await alice.page.evaluate(() => navigator.clipboard.readText());
    expect(JSON.parse(text)).toMatchObject({
      direction: "in",
      kind: "message",
      name: "order",
      channel: "all",
    });
    expect(JSON.parse(JSON.parse(text).text)).toMatchObject({ data: 738529527931269 });
  });

  it("draws the visible rows only, and keeps their place while frames come", async () => {
    const { enter, running } = await place(DESKTOP, { websocket: { messageBufferSize: 3_000 } });
    const alice = await enter("#alice/all");
    await openFrames(alice);
    const send = (from: number, count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, index) =>
          running.hub.broadcast({ type: `t${from + index}`, data: 1 }),
        ),
      );
    await send(0, 1_500);
    await expect.poll(() => rows(alice).locator(".name").allTextContents(), until).toContain("t1499");
    expect(await rows(alice).count()).toBeLessThan(60);
    const list = panel(alice).getByRole("listbox");
    await list.evaluate((it) => it.scrollBy(0, -2_800));
    await expect.poll(() => rows(alice).locator(".name").allTextContents(), until).toContain("t1395");
    await send(1_500, 2_000);
    await alice.messages.filter({ hasText: "t3499" }).waitFor();
    await list.focus();
    await alice.page.keyboard.press("End");
    await expect.poll(() => rows(alice).locator(".name").allTextContents(), until).toContain("t3499");
  });
});
