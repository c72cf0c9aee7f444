import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { expectAccessible } from "../axe.ts";
import { screenshot } from "../browser.ts";
import type { Person } from "./person.ts";
import { DESKTOP, overflow, PASSWORD, PHONE, type Place, place, until } from "./place.ts";

/** Bytes of the page with everything that its HTML loads, compressed. */
const BUDGET = 60 * 1_024;

const SEA = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480" viewBox="0 0 640 480">
  <linearGradient id="sky" x2="0" y2="1"><stop stop-color="#f6d3ae"/><stop offset="1" stop-color="#ea9672"/></linearGradient>
  <rect width="640" height="480" fill="url(#sky)"/>
  <circle cx="470" cy="220" r="56" fill="#fff3d9"/>
  <path d="M0 320c80-38 160-38 240 0s160 38 240 0 120-38 160-20v180H0z" fill="#1f6f78"/>
  <path d="M0 372c80-38 160-38 240 0s160 38 240 0 120-38 160-20v128H0z" fill="#155059"/>
</svg>`;

/** People who talk, for a look at all parts of the page. */
async function harbour({ enter, ask }: Place, options = {}): Promise<Person> {
  const names = {
    alice: "Alice Harmsen",
    bob: "Bob Okafor",
    carol: "Carol",
    dilek: "Dilek Aydın",
    emil: "Emil",
  };
  const alice = await enter("alice", options);
  await alice.page
    .context()
    .route("https://pictures.example/**", (route) =>
      route.fulfill({ contentType: "image/svg+xml", body: SEA }),
    );
  for (const [user, name] of Object.entries(names)) await ask(user, "update", { name });
  for (const user of ["bob", "carol"]) {
    await ask(user, "befriend", { user: "alice" });
    await ask("alice", "befriend", { user });
  }
  await ask("dilek", "befriend", { user: "alice" });
  const { group: crew } = await ask("bob", "create", { name: "Harbour crew", open: true });
  for (const user of ["alice", "carol", "dilek"]) await ask(user, "join", { group: crew });
  const { group: regatta } = await ask("emil", "create", { name: "Regatta 2027" });
  await ask("emil", "invite", { group: regatta, user: "alice" });
  await ask("carol", "send", { to: "alice", text: "See you at nine." });
  await ask("alice", "send", { to: "bob", text: "The charts are on the table." });
  await ask("bob", "send", { group: crew, text: "Good morning! Who is on the early ferry?" });
  await ask("dilek", "send", { group: crew, text: "Me. And Carol, if the bus is on time." });
  await ask("alice", "send", { group: crew, text: "I'll be at the pier from seven. Coffee is on me ☕" });
  await ask("bob", "send", {
    ...{ group: crew, text: "Wind from the west, a little rain. This is the view right now:" },
    picture: "https://pictures.example/sea.svg",
  });
  await ask("alice", "send", { group: crew, text: "Lovely." });
  for (const user of ["bob", "carol"]) await ask(user, "read", { group: crew });
  return alice;
}

describe.each([
  ["desktop", DESKTOP, "light"],
  ["phone", PHONE, "dark"],
] as const)("the chat page at %s width", (width, size, colorScheme) => {
  it(`fits with all of its parts, and has no barriers, in the ${colorScheme} scheme`, async () => {
    const scene = await place();
    const alice = await harbour(scene, { ...size, colorScheme });
    const stranger = await scene.visit({ ...size, colorScheme });
    await expectAccessible(stranger.page, "the login");
    await expect.poll(() => alice.unread(), until).toContain("Carol: 1");
    expect(await overflow(alice)).toEqual([]);
    await expectAccessible(alice.page, "the list of conversations");
    await alice.open("Harbour crew");
    await alice.message("Lovely.").waitFor();
    await alice.reads("Read by 2 members");
    for (const dismiss of await alice.button("Dismiss").all()) await dismiss.click();
    const picture = alice.messages.getByRole("img", { name: "Picture from Bob Okafor" });
    await expect.poll(() => picture.evaluate((it) => (it as HTMLImageElement).naturalWidth), until).toBe(640);
    expect(await overflow(alice)).toEqual([]);
    await expectAccessible(alice.page, "the conversation");
    await alice.page.emulateMedia({ colorScheme: "light" });
    await screenshot(alice.page, `chat-${width}`);
    await alice.page.emulateMedia({ colorScheme });
    await alice.button(/Details/).click();
    await alice.page.getByRole("region", { name: "Members" }).getByText("Dilek Aydın").waitFor();
    expect(await overflow(alice)).toEqual([]);
    await expectAccessible(alice.page, "the details");
    if (size === PHONE) await alice.button("Close the details").click();
    await alice.toList("People");
    await alice.page.getByRole("region", { name: "Friend requests" }).waitFor();
    expect(await overflow(alice)).toEqual([]);
    await expectAccessible(alice.page, "the list of people");
    await alice.button("Your account: Alice Harmsen").click();
    await expectAccessible(alice.page, "the account");
  });
});

describe("the chat page", () => {
  it("is used with the keyboard alone", async () => {
    const { visit, ask } = await place();
    await ask("bob", "profile");
    const { page, ...alice } = await visit();
    const press = async (...keys: string[]): Promise<void> => {
      for (const key of keys) await page.keyboard.press(key);
    };
    /** Presses Tab until the element with this name has the focus. */
    const reach = async (name: string): Promise<void> => {
      for (let steps = 0; steps < 40; steps++) {
        await page.keyboard.press("Tab");
        const focused = await page.evaluate(() => {
          const element = document.activeElement;
          const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : undefined;
          return `${element?.getAttribute("aria-label") ?? label ?? ""} ${element?.textContent ?? ""}`;
        });
        if (focused.includes(name)) return;
      }
      throw new Error(`the keyboard does not reach ${name}`);
    };
    await reach("Create an account");
    await press("Enter");
    await reach("Skip to the content");
    await reach("User name");
    await page.keyboard.type("alice");
    await press("Tab");
    await page.keyboard.type(PASSWORD);
    await press("Enter");
    await page.getByRole("tab", { name: "Chats" }).waitFor();
    await reach("Chats");
    await press("ArrowRight");
    await reach("Find people and open groups");
    await page.keyboard.type("bob");
    await page.getByRole("region", { name: "Found" }).getByText("bob").first().waitFor();
    await reach("bob");
    await press("Enter");
    await page.getByRole("heading", { name: "bob" }).waitFor();
    await reach("Message to bob");
    await page.keyboard.type("by keyboard");
    await press("Enter");
    await page.getByRole("log").getByText("by keyboard").waitFor();
    await page.getByText("Sent").waitFor();
    await press("Shift+Tab", "Shift+Tab");
    await reach("Details");
    expect(alice.complaints).toEqual([]);
  });

  it("loads at most 60 KiB, compressed", async () => {
    const { running } = await place();
    const load = async (path: string): Promise<string> => (await fetch(running.at.url + path)).text();
    const html = await load("/chat");
    const found = [...html.matchAll(/(?:src|href)="\.(\/pages\/[^"]+\.(?:js|css))"/g)];
    const paths = new Set(found.map(([, path = ""]) => path));
    let bytes = gzipSync(html).length;
    // The set grows by what the files import.
    for (const path of paths) {
      const text = await load(path);
      bytes += gzipSync(text).length;
      for (const [, name] of text.matchAll(/["'`]\.\/([\w-]+\.(?:js|css))["'`]/g))
        paths.add(`/pages/${name}`);
    }
    expect(paths.size).toBeGreaterThan(1);
    expect(bytes).toBeLessThanOrEqual(BUDGET);
  });
});
