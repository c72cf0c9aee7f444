import { describe, expect, it } from "vitest";
import { openTab, quiet, screenshot } from "../browser.ts";
import { Person } from "./person.ts";
import { servePicture } from "./pictures.ts";
import { browser, overflow, place, SIZES, until } from "./place.ts";

describe.each(SIZES)("the page at %s width", (width, size) => {
  it("shows two users each other as online, and one as offline after it closed", async () => {
    const { enter } = await place(size);
    const [alice, bob] = [await enter("#alice"), await enter("#bob")];
    await expect.poll(() => alice.item("bob").textContent(), until).toContain("online · web");
    await expect.poll(() => bob.item("alice").textContent(), until).toContain("online · web");
    await alice.open("bob");
    await bob.page.close();
    await expect.poll(() => alice.item("bob").textContent(), until).toContain("offline");
    await alice.reads("offline");
  });

  it("sends messages from one user to another, and shows their delivery", async () => {
    const { enter } = await place(size);
    const [alice, bob] = [await enter("#alice/user:bob"), await enter("#bob/user:alice")];
    await alice.item("bob").getByText("online").waitFor({ state: "attached" });
    await alice.say("Is the harbour open?");
    await alice.message("Is the harbour open?").getByText("acknowledged").waitFor();
    await bob.say("Since six.\nBring a coat.");
    const talk = ["Is the harbour open?", "Since six.\nBring a coat."];
    await expect.poll(() => alice.texts(), until).toEqual(talk);
    await expect.poll(() => bob.texts(), until).toEqual(talk);
  });

  it("stores messages for a user who is offline", async () => {
    const { enter } = await place(size);
    const alice = await enter("#alice/user:bob");
    await alice.say("See you tomorrow");
    await alice.message("See you tomorrow").getByText("stored").waitFor();
    const bob = await enter("#bob");
    await expect.poll(() => bob.item("alice").textContent(), until).toContain("1 unread");
    await bob.open("alice");
    await expect.poll(() => bob.texts(), until).toEqual(["See you tomorrow"]);
  });

  it("sends messages to a group and to everyone, and shows each once", async () => {
    const { enter } = await place(size);
    const [alice, bob, carol] = [await enter("#alice"), await enter("#bob"), await enter("#carol/all")];
    await alice.join("crew");
    await bob.join("crew");
    await alice.say("Cast off at nine");
    await alice.message("Cast off at nine").getByText("delivered").waitFor();
    await expect.poll(() => bob.texts(), until).toEqual(["Cast off at nine"]);
    expect(await alice.texts()).toEqual(["Cast off at nine"]);
    await bob.open("Everyone");
    await bob.say("The café closes at ten");
    await expect.poll(() => carol.texts(), until).toEqual(["The café closes at ten"]);
    await expect.poll(() => alice.item("Everyone").textContent(), until).toContain("1 unread");
    await expect.poll(() => bob.texts(), until).toEqual(["The café closes at ten"]);
  });

  it("shows an edited message in its place, and says that one was deleted", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/all");
    const [first, second] = [
      await running.hub.broadcast({ type: "chat", data: { text: "helo" } }),
      await running.hub.broadcast({ type: "chat", data: { text: "a secret" } }),
    ];
    await expect.poll(() => alice.texts(), until).toEqual(["helo", "a secret"]);
    const nameOf = ({ id, offset = 0 }: typeof first) => ({ id, offset });
    await running.hub.edit("all", { ...nameOf(first), data: { text: "hello" } });
    await running.hub.delete("all", nameOf(second));
    const changed = ["hello", "This message was deleted"];
    const edited = alice.messages.filter({ hasText: "edited" }).locator(".bubble");
    await expect.poll(() => alice.texts(), until).toEqual(changed);
    expect(await edited.allTextContents()).toEqual(["hello"]);
    await alice.page.reload();
    await expect.poll(() => alice.texts(), until).toEqual(changed);
    expect(await edited.allTextContents()).toEqual(["hello"]);
  });

  it("leaves a group for good", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/group:crew");
    await expect.poll(async () => (await running.hub.presence.inGroup("crew")).length, until).toBe(1);
    await alice.page.getByRole("button", { name: "Leave" }).click();
    await expect.poll(async () => (await running.hub.presence.inGroup("crew")).length, until).toBe(0);
    await expect.poll(() => alice.item("crew").count(), until).toBe(0);
  });

  it("shows a picture by its URL, without a referrer", async () => {
    const { enter } = await place(size);
    const { url, referrers } = await servePicture();
    const [alice, bob] = [await enter("#alice/user:bob"), await enter("#bob/user:alice")];
    await bob.sendPicture(url);
    const picture = alice.messages.getByRole("img", { name: url });
    await expect
      .poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth), until)
      .toBe(640);
    expect(await picture.getAttribute("loading")).toBe("lazy");
    expect(new Set(referrers)).toEqual(new Set([undefined]));
  });

  it("shows messages as text, whatever markup they contain", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/user:mallory");
    const mallory = await enter("#mallory/user:alice");
    const texts = [
      "<img src=x onerror=\"alert('img')\">",
      "<script>alert('script')</script>",
      "</p><svg onload=alert(1)>",
      "{{constructor.constructor('alert(1)')()}} &lt;b&gt;",
    ];
    for (const text of texts) await mallory.say(text);
    await expect.poll(() => alice.texts(), until).toEqual(texts);
    await running.hub.user("alice").send({ type: "img", data: { url: "javascript:alert('url')" } });
    await running.hub.user("alice").send({ type: "<b>order</b>", data: { html: "<i>7</i>" } });
    await alice.open("The application");
    await expect.poll(() => alice.messages.count(), until).toBe(2);
    await alice.reads("<b>order</b>");
    expect(await alice.page.locator(".messages :is(img, script, svg[onload], b, i)").count()).toBe(0);
  });

  it("recovers exactly the messages missed while offline", async () => {
    const { enter } = await place(size);
    const [alice, bob] = [await enter("#alice/user:bob"), await enter("#bob/user:alice")];
    await alice.say("before");
    await expect.poll(() => bob.texts(), until).toEqual(["before"]);
    await bob.goOffline();
    for (const text of ["one", "two", "three"]) await alice.say(text);
    await expect.poll(() => alice.texts(), until).toEqual(["before", "one", "two", "three"]);
    // Good news are there for some seconds.
    await Promise.all([bob.reads("Caught up: 3 messages"), bob.goOnline()]);
    await bob.open("alice");
    await alice.say("after");
    await expect.poll(() => bob.texts(), until).toEqual(["before", "one", "two", "three", "after"]);
    await bob.page.getByRole("log").getByText("Caught up: 3 messages").waitFor();
  });

  it("reconnects by itself, and sends the messages written while offline", async () => {
    const { enter } = await place(size);
    const [alice, bob] = [await enter("#alice/user:bob"), await enter("#bob/user:alice")];
    await bob.goOffline();
    await bob.open("alice");
    await bob.say("written offline");
    await bob.message("written offline").getByText("waits for the connection").waitFor();
    await bob.page.getByRole("button", { name: "Go online" }).click();
    await expect.poll(() => alice.texts(), until).toEqual(["written offline"]);
    await bob.toList();
    const drop = bob.page.getByRole("button", { name: "Drop connection" });
    await Promise.all([bob.reads("Back online. Nothing was missed."), drop.click()]);
  });

  it("reports lost messages", async () => {
    const { enter } = await place(size, { history: { count: 2 }, publish: { ackTimeoutMs: 100 } });
    const [alice, bob] = [await enter("#alice/user:bob"), await enter("#bob/user:alice")];
    await bob.goOffline();
    for (const text of ["one", "two", "three", "four"]) await alice.say(text);
    await expect.poll(() => alice.page.locator(".delivery.sent").count(), until).toBe(0);
    await bob.goOnline();
    await bob.reads("Some messages are lost");
    await bob.open("alice");
    await expect.poll(() => bob.texts(), until).toEqual(["three", "four"]);
    await bob.reads("Messages before this are lost");
  });

  it("loads earlier messages page by page", async () => {
    const { enter, running } = await place(size);
    const texts = Array.from({ length: 70 }, (_, index) => `message ${index}`);
    for (const text of texts) await running.hub.group("crew").send({ type: "chat", data: { text } });
    const alice = await enter("#alice/group:crew");
    const earlier = alice.page.getByRole("button", { name: "Load earlier messages" });
    for (const from of [40, 10, 0]) {
      await expect.poll(() => alice.texts(), until).toEqual(texts.slice(from));
      if (from > 0) await earlier.click();
    }
    await alice.reads("Nothing older is kept.");
  });

  it("keeps up with a burst, and removes the oldest messages", async () => {
    const { enter, running } = await place(size, { websocket: { messageBufferSize: 3_000 } });
    const alice = await enter("#alice/all");
    const sent = Array.from({ length: 2_000 }, (_, index) => `message ${index}`);
    await Promise.all(sent.map((data) => running.hub.broadcast({ type: "chat", data })));
    await alice.message("message 1999").waitFor();
    const shown = await alice.texts();
    expect(shown.length).toBeLessThanOrEqual(1_200);
    expect(shown).toEqual(sent.slice(-shown.length));
    const log = alice.page.getByRole("log");
    const below = () => log.evaluate((it) => it.scrollHeight - it.scrollTop - it.clientHeight);
    await expect.poll(below, until).toBeLessThan(2);
  });

  it("shows that a user is typing", async () => {
    const { enter } = await place(size);
    const [alice, bob] = [await enter("#alice/user:bob"), await enter("#bob/user:alice")];
    await Promise.all([alice.reads("is typing"), bob.types("Well")]);
    await bob.page.keyboard.press("Enter");
    await expect.poll(() => alice.texts(), until).toEqual(["Well"]);
    await expect.poll(() => alice.page.getByText("is typing").count(), until).toBe(0);
  });

  it("shows the reason of a final close, and connects again on request", async () => {
    const { enter, running } = await place(size);
    const alice = await enter("#alice/all");
    await running.hub.user("alice").kick({ reason: "enough for today" });
    await alice.reads("Disconnected: enough for today");
    await alice.page.getByRole("button", { name: "Connect again" }).click();
    await alice.isOnline();
  });

  it("asks for the user, and connects as another one on request", async () => {
    const { running } = await place(size);
    const stranger = new Person(await openTab(browser(), `${running.at.url}/dev`, size));
    await stranger.page.getByLabel("Who are you?").fill("dora");
    await stranger.page.keyboard.press("Enter");
    await stranger.isOnline();
    await stranger.page.getByRole("button", { name: "Switch" }).click();
    await stranger.page.getByLabel("Connect as").fill("emil");
    await stranger.page.keyboard.press("Enter");
    await expect
      .poll(async () => (await running.hub.presence.online({ limit: 9 })).users, until)
      .toMatchObject([{ user: "emil" }]);
    expect(stranger.complaints).toEqual([]);
  });

  it("fits long names and messages without horizontal scrolling", async () => {
    const { enter } = await place(size);
    const long = "a-name-of-128-characters-".repeat(6).slice(0, 128);
    const alice = await enter(`#alice/user:${long}`);
    const other = await enter(`#${long}/user:alice`);
    await other.say("W".repeat(400));
    await expect.poll(() => alice.messages.count(), until).toBe(1);
    await other.say(`https://example.com/${"path/".repeat(60)}`);
    await expect.poll(() => alice.messages.count(), until).toBe(2);
    for (const person of [alice, other]) {
      expect(await overflow(person)).toEqual([]);
      await person.toList();
      expect(await overflow(person)).toEqual([]);
    }
  });

  it("fits a screen with all of its parts", async () => {
    const { enter, running } = await place(size);
    const { url } = await servePicture();
    const [alice, bob] = [await enter("#alice"), await enter("#bob")];
    for (const name of ["carol", "dilek", "emil"]) await enter(`#${name}`);
    await alice.join("crew");
    await alice.join("lunch");
    await alice.open("bob");
    await bob.open("alice");
    await alice.say("Good morning! Is the harbour open?");
    await alice.reads("acknowledged");
    await bob.say("Since six. Wind from the west, a little rain. This is the view right now:");
    await bob.sendPicture(url);
    await alice.messages.getByRole("img").waitFor();
    await alice.say("Lovely. I'll be there at nine.");
    await alice.message("Lovely. I'll be there at nine.").getByText("acknowledged").waitFor();
    await running.hub.group("crew").send({ type: "chat", data: "Cast off at nine" });
    await running.hub.broadcast({ type: "chat", data: "The café closes at ten" });
    await expect.poll(() => alice.item("Everyone").textContent(), until).toContain("1 unread");
    await quiet(alice.page);
    await Promise.all([alice.reads("is typing"), bob.types("Good")]);
    expect(await overflow(alice)).toEqual([]);
    await screenshot(alice.page, `page-${width}`);
  });
});
