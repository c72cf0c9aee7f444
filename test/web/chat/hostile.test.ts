import { describe, expect, it } from "vitest";
import { DESKTOP, overflow, PHONE, place, until } from "./place.ts";

const MARKUP = "<img src=x onerror=alert(1)>";
/** The server takes it as a file's address; in an attribute it stays one. */
const EVIL_URL = "https://files.example/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E";

describe("what hostile users write, on the chat page", () => {
  it.each([
    ["desktop", DESKTOP],
    ["phone", PHONE],
  ])("is shown as text in every field, at %s width", async (_, size) => {
    const { enter, ask, running } = await place();
    const mallory = "<b onmouseover=alert(2)>";
    await ask("alice", "profile");
    const user = `${mallory}${"W".repeat(30)}`;
    await ask(user, "update", { name: MARKUP, picture: EVIL_URL });
    const { group } = await ask(user, "create", { name: MARKUP, open: true });
    const alice = await enter("alice-2", size);
    await alice.page.context().route("https://files.example/**", (route) => route.abort());
    await ask(user, "befriend", { user: "alice-2" });
    await ask(user, "invite", { group, user: "alice-2" });
    await alice.toList("Chats");
    const invitations = alice.page.getByRole("region", { name: "Invitations" });
    expect(await invitations.textContent()).toContain(`${MARKUP} invites you to ${MARKUP}`);
    await invitations.getByRole("button", { name: "Join" }).click();
    await alice.page.getByRole("heading", { name: MARKUP, level: 2 }).waitFor();
    const texts = [
      MARKUP,
      "</p><script>alert(3)</script>",
      "{{constructor.constructor('alert(4)')()}} &lt;b&gt;",
    ];
    for (const text of texts) await ask(user, "send", { group, text });
    await ask(user, "send", { group, text: 'javascript:alert(5) https://ok.example/a"onclick=alert(6)' });
    for (const kind of ["picture", "voice", "video"]) await ask(user, "send", { group, [kind]: EVIL_URL });
    await ask(user, "send", { group, text: "W".repeat(3_000) });
    // The application may publish anything into a group.
    await running.hub.group(String(group)).send({ type: MARKUP, data: { html: MARKUP } });
    await running.hub
      .group(String(group))
      .send({ type: "chat", data: { text: "before", picture: "javascript:alert(7)" }, from: user });
    await expect.poll(() => alice.messages.count(), until).toBe(10);
    for (const text of texts) expect(await alice.texts()).toContain(text);
    expect(await alice.texts()).toContain("before\njavascript:alert(7)");
    const hrefs = await alice.messages
      .locator("a")
      .evaluateAll((all) => all.map((each) => each.getAttribute("href")));
    expect(hrefs.filter((href) => !href?.startsWith("https://"))).toEqual([]);
    const pictures = alice.page.locator("img, audio, video");
    expect(
      await pictures.evaluateAll((all) => all.filter((each) => each.hasAttribute("autoplay")).length),
    ).toBe(0);
    await alice.button(/Details/).click();
    await alice.page.getByRole("region", { name: "Details" }).getByText(MARKUP).first().waitFor();
    expect(await overflow(alice)).toEqual([]);
    if (size === PHONE) await alice.button("Close the details").click();
    await alice.toList("People");
    await alice.page.getByRole("searchbox", { name: "Find people and open groups" }).fill("<img");
    await alice.page.getByRole("region", { name: "Found" }).getByText(MARKUP).first().waitFor();
    expect(await overflow(alice)).toEqual([]);
    expect(
      await alice.page.locator("script:not([src]), b, [onerror], [onmouseover], [onclick]").count(),
    ).toBe(0);
    // Files that the test does not serve are the browser's own complaint.
    const own = alice.complaints.filter((each) => !/Failed to load resource|ERR_FAILED/.test(each));
    alice.complaints.length = 0;
    expect(own).toEqual([]);
  });

  it("is refused where an address is no https one, before it is sent", async () => {
    const { enter, ask } = await place();
    const alice = await enter("alice");
    await ask("bob", "profile");
    const { group } = await ask("alice", "open", { to: "bob" });
    await alice.open("bob");
    await alice.button("Send a picture, a voice message or a video").click();
    const field = alice.page.getByRole("textbox", { name: "Address of the picture" });
    for (const url of [
      "javascript:alert(1)",
      "data:text/html,x",
      "http://files.example/x.png",
      "no address",
    ]) {
      await field.fill(url);
      await field.press("Enter");
      await alice.reads("Expected an address that begins with https://");
    }
    const picture = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="3"/>');
    const referrers: (string | undefined)[] = [];
    await alice.page.context().route("https://files.example/**", (route) => {
      referrers.push(route.request().headers().referer);
      return route.fulfill({ contentType: "image/svg+xml", body: picture });
    });
    await field.fill("https://files.example/sea.svg");
    await field.press("Enter");
    const shown = alice.messages.getByRole("img", { name: "Picture from You" });
    await expect.poll(() => shown.evaluate((it) => (it as HTMLImageElement).naturalWidth), until).toBe(4);
    expect(referrers.every((each) => each === undefined)).toBe(true);
    expect((await ask("bob", "history", { group })).messages).toMatchObject([
      { data: { picture: "https://files.example/sea.svg" } },
    ]);
  });
});
