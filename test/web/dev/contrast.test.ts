import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { DESKTOP, place } from "./place.ts";

describe.each(["light", "dark"] as const)("the page in the %s scheme", (colorScheme) => {
  it("has text with the contrast of WCAG AA: online, offline, in the Frames panel", async () => {
    const { enter, running } = await place({ ...DESKTOP, colorScheme });
    await running.hub.group("crew").add("dilek");
    const alice = await enter("#alice/group:crew");
    const bob = await enter("#bob/group:crew");
    await bob.say("Good morning");
    await alice.message("Good morning").waitFor();
    await alice.say("Cast off at nine");
    await alice.message("Cast off at nine").getByText("delivered").waitFor();
    await alice.reads("durable");
    await alice.page.getByRole("button", { name: "Frames", exact: true }).click();
    const panel = alice.page.getByRole("region", { name: "Frames" });
    await panel.getByRole("listbox").getByRole("option").filter({ hasText: "chat" }).last().click();
    await panel.getByRole("article").waitFor();
    expect(await faint(alice.page)).toEqual([]);
    await panel.getByRole("tab", { name: /Channels/ }).click();
    await alice.page.getByRole("switch", { name: "Go offline" }).check();
    await alice.reads("as last known");
    expect(await faint(alice.page)).toEqual([]);
  });
});

/** Returns the texts whose contrast is below 4.5:1 (WCAG 2.2, 1.4.3). Disabled controls are exempt. */
function faint(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    type Colour = readonly [red: number, green: number, blue: number, alpha: number];
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    if (canvas === null) throw new Error("no canvas");
    const read = (colour: string): Colour => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data;
      return [red, green, blue, alpha / 255];
    };
    const ground = (element: Element | null): Colour => {
      if (element === null) return [255, 255, 255, 1];
      const colour = read(getComputedStyle(element).backgroundColor);
      return colour[3] > 0.99 ? colour : ground(element.parentElement);
    };
    const luminance = ([red, green, blue]: Colour): number => {
      const linear = [red, green, blue].map((part) => {
        const value = part / 255;
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
    };
    const hasText = ({ childNodes }: Element): boolean =>
      [...childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
    return [...document.querySelectorAll("body *")]
      .filter(
        (element) => hasText(element) && element.checkVisibility() && !element.closest(":disabled, .unseen"),
      )
      .map((element) => {
        const lights = [luminance(read(getComputedStyle(element).color)), luminance(ground(element))];
        const ratio = (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
        return {
          ratio,
          text: `${ratio.toFixed(2)} ${element.className} ${element.textContent?.slice(0, 40)}`,
        };
      })
      .filter(({ ratio }) => ratio < 4.5)
      .map(({ text }) => text);
  });
}
