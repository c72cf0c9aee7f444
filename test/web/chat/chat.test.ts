import { describe, expect, it } from "vitest";
import { PASSWORD, place, until } from "./place.ts";

/** A page that is seen reads the list of who is online again, with their names. */
const READ_AGAIN_MS = 15_000;

describe("the chat page", () => {
  it("makes an account, logs out in all tabs, and logs in", async () => {
    const { visit, enterBeside } = await place();
    const alice = await visit();
    await alice.button("Create an account").click();
    await alice.page.getByLabel("User name").fill("alice");
    await alice.page.getByLabel("Password").fill(PASSWORD);
    await alice.button("Create account").click();
    await alice.isOnline();
    const beside = await enterBeside(alice);
    await alice.button("Your account: alice").click();
    await alice.button("Log out").click();
    for (const tab of [alice, beside])
      await tab.page.getByRole("heading", { name: "Log in to the chat" }).waitFor();
    await alice.page.getByLabel("User name").fill("alice");
    await alice.page.getByLabel("Password").fill("a wrong one");
    await alice.button("Log in").click();
    await alice.reads("user or password is wrong");
    alice.complaints.length = 0; // the browser's own line about status 401
    await alice.page.getByLabel("Password").fill(PASSWORD);
    await alice.button("Log in").click();
    for (const tab of [alice, beside]) await tab.isOnline();
  });

  it("lets two people become friends and write: typing, unread, read, edited, deleted", async () => {
    const { enter } = await place({ direct: "friends" });
    const [alice, bob] = [await enter("alice"), await enter("bob")];
    await alice.toList("People");
    await alice.button("Add friend: bob").click();
    await bob.reads("alice asks to be your friend.");
    await bob.page.getByRole("tab", { name: "People (1)" }).click();
    await bob.button("Accept: alice").click();
    await alice.reads("bob is your friend now.");
    await alice.writeTo("bob");
    await alice.say("Good morning", "Is the harbour open?");
    await bob.toList("Chats");
    await expect.poll(() => bob.unread(), until).toEqual(["alice: 2"]);
    expect(await bob.page.title()).toMatch(/^\(2\) /);
    await alice.reads("Sent");
    await bob.open("alice");
    await expect.poll(() => bob.texts(), until).toEqual(["Good morning", "Is the harbour open?"]);
    await bob.reads("New messages");
    await alice.reads(/^Read$/);
    await expect.poll(() => bob.unread(), until).toEqual([]);
    await Promise.all([alice.reads("is typing"), bob.composer.pressSequentially("Since six")]);
    await bob.composer.press("Enter");
    await expect
      .poll(() => alice.texts(), until)
      .toEqual(["Good morning", "Is the harbour open?", "Since six"]);
    await bob.choose("Since six", "Edit");
    await bob.page.getByRole("textbox", { name: "New text of the message" }).fill("Since seven");
    await bob.button("Save").click();
    await alice.message("Since seven").getByText("edited").waitFor();
    await alice.choose("Good morning", "Delete");
    await alice.button("Delete for everybody").click();
    const left = ["This message was deleted", "Is the harbour open?", "Since seven"];
    for (const person of [alice, bob]) await expect.poll(() => person.texts(), until).toEqual(left);
    await bob.page.reload();
    await expect.poll(() => bob.texts(), until).toEqual(left);
  });

  it("shows nothing as unread that the user has answered on another device", async () => {
    const { enter, ask } = await place();
    const alice = await enter("alice");
    const { group } = await ask("bob", "open", { to: "alice" });
    await ask("bob", "send", { group, text: "one" });
    await expect.poll(() => alice.unread(), until).toEqual(["bob: 1"]);
    await ask("alice", "send", { group, text: "written offline", read: false });
    await ask("bob", "send", { group, text: "two" });
    await expect.poll(() => alice.unread(), until).toEqual(["bob: 2"]);
    await ask("alice", "send", { group, text: "answered" });
    await expect.poll(() => alice.unread(), until).toEqual([]);
  });

  it("keeps the tabs of a user in step, and loads earlier messages when one scrolls up", async () => {
    const { enter, enterBeside, ask } = await place();
    const [alice, bob] = [await enter("alice"), await enter("bob")];
    const { group } = await ask("bob", "open", { to: "alice" });
    const texts = Array.from({ length: 70 }, (_, index) => `message ${index}`);
    for (const text of texts) await ask("bob", "send", { group, text });
    // A tab that was open has the messages that came live.
    await alice.page.reload();
    const beside = await enterBeside(alice);
    await expect.poll(() => beside.unread(), until).toEqual(["bob: 70"]);
    await alice.open("bob");
    await alice.message("message 69").waitFor();
    expect(await alice.messages.count()).toBeLessThan(70);
    await expect.poll(() => beside.unread(), until).toEqual([]);
    const log = alice.page.getByRole("log");
    await expect
      .poll(async () => {
        await log.evaluate((it) => it.scrollTo({ top: 0 }));
        return alice.texts();
      }, until)
      .toEqual(texts);
    await alice.reads("This is the beginning of what is kept.");
    await alice.say("from this tab");
    await beside.open("bob");
    await beside.message("from this tab").waitFor();
    await bob.open("alice");
    await bob.say("to both");
    for (const tab of [alice, beside]) await tab.message("to both").waitFor();
    // Both tabs refresh at once, with one refresh token: after a restart the server knows no token.
    await alice.page.evaluate(() => {
      const login = JSON.parse(localStorage.getItem("tidings.chat.login") ?? "");
      localStorage.setItem("tidings.chat.login", JSON.stringify({ ...login, token: "of.another.server" }));
    });
    const { clock } = beside.page;
    await clock.install();
    await Promise.all([alice, beside].map(({ page }) => page.reload()));
    for (const tab of [alice, beside]) await tab.isOnline();
    await alice.page.getByRole("button", { name: "Your account: alice" }).click();
    await alice.page.getByLabel("Name", { exact: true }).fill("Alice of the harbour");
    await alice.button("Save profile").click();
    await alice.button("Your account: Alice of the harbour").waitFor();
    await clock.fastForward(READ_AGAIN_MS);
    await beside.button("Your account: Alice of the harbour").waitFor();
    await alice.page.getByLabel("Present password").fill(PASSWORD);
    await alice.page.getByLabel("New password").fill("another password");
    await alice.button("Change password").click();
    await alice.reads("Your password is changed.");
  });
});
