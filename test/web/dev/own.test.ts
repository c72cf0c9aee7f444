import { describe, expect, it } from "vitest";
import { connectPeer } from "../../support/peer.ts";
import { DESKTOP, place, SIZES, until } from "./place.ts";

describe.each(SIZES)("own messages at %s width", (_, size) => {
  it("survive a reload, among the messages of the partner and with their delivery", async () => {
    const { enter } = await place(size);
    const [alice, bob] = [await enter("#alice/user:bob"), await enter("#bob/user:alice")];
    await alice.item("bob").getByText("online").waitFor({ state: "attached" });
    await alice.say("one");
    await alice.message("one").getByText("acknowledged").waitFor();
    await bob.say("two");
    await alice.message("two").waitFor();
    await alice.say("three");
    await alice.message("three").getByText("acknowledged").waitFor();
    await alice.page.reload();
    await alice.isOnline();
    await expect.poll(() => alice.texts(), until).toEqual(["one", "two", "three"]);
    expect(await alice.message("one").getByText("acknowledged").count()).toBe(1);
    // In the group and for everyone the hub's history has them.
    await alice.open("Everyone");
    await alice.say("to all");
    await alice.message("to all").getByText("delivered").waitFor();
    await alice.page.reload();
    await expect.poll(() => alice.texts(), until).toEqual(["to all"]);
    expect(await alice.message("to all").getByText("delivered").count()).toBe(1);
  });

  it("appear in the user's other tabs, with their delivery", async () => {
    const { enter, enterBeside } = await place(size);
    const alice = await enter("#alice/user:bob");
    const beside = await enterBeside(alice, "#alice/user:bob");
    await alice.say("Is the harbour open?");
    await expect.poll(() => beside.texts(), until).toEqual(["Is the harbour open?"]);
    await beside.message("Is the harbour open?").getByText("stored").waitFor();
    await beside.say("Hello?");
    await expect.poll(() => alice.texts(), until).toEqual(["Is the harbour open?", "Hello?"]);
    await alice.toList();
    expect(await alice.item("bob").textContent()).not.toContain("unread");
  });

  it("appear once in the user's other tabs where the hub delivers them too", async () => {
    const { enter, enterBeside } = await place(size);
    const alice = await enter("#alice/group:crew");
    const beside = await enterBeside(alice, "#alice/group:crew");
    await alice.say("Cast off at nine");
    await alice.message("Cast off at nine").getByText("delivered").waitFor();
    await beside.message("Cast off at nine").getByText("delivered").waitFor();
    expect(await beside.texts()).toEqual(["Cast off at nine"]);
    expect(await alice.texts()).toEqual(["Cast off at nine"]);
  });

  it("are sent once, even when the page is reloaded before it has a connection", async () => {
    const { enter } = await place(size);
    const [alice, bob] = [await enter("#alice/user:bob"), await enter("#bob/user:alice")];
    await alice.goOffline();
    await alice.open("bob");
    await alice.say("written offline");
    await alice.message("written offline").getByText("waits for the connection").waitFor();
    await alice.page.reload();
    await alice.isOnline();
    await expect.poll(() => bob.texts(), until).toEqual(["written offline"]);
    await alice
      .message("written offline")
      .getByText(/delivered|acknowledged/)
      .waitFor();
    await alice.page.reload();
    await alice.isOnline();
    await alice.say("after");
    await expect.poll(() => bob.texts(), until).toEqual(["written offline", "after"]);
  });
});

describe("receipts", () => {
  it("say first that a message is delivered, and later that it is acknowledged", async () => {
    const { enter, enterBeside, running } = await place(DESKTOP);
    const bob = await connectPeer(running.url({ user_id: "bob" }));
    const alice = await enter("#alice/user:bob");
    const beside = await enterBeside(alice, "#alice/user:bob");
    await alice.say("Is the harbour open?");
    const { offset } = await bob.frame("chat");
    await alice.message("Is the harbour open?").getByText("delivered").waitFor();
    await bob.request("message.ack", { offset });
    await alice.message("Is the harbour open?").getByText("acknowledged").waitFor();
    await beside.message("Is the harbour open?").getByText("acknowledged").waitFor();
  });

  it("say first that a message is stored, and later that its receiver has come and acknowledged it", async () => {
    const { enter } = await place(DESKTOP);
    const alice = await enter("#alice/user:bob");
    await alice.say("See you tomorrow");
    await alice.message("See you tomorrow").getByText("stored").waitFor();
    await enter("#bob");
    await alice.message("See you tomorrow").getByText("acknowledged").waitFor();
  });
});

describe("copies", () => {
  it("show own messages in another browser, live and from the history, once", async () => {
    const { enter } = await place(DESKTOP);
    const alice = await enter("#alice/user:bob");
    const elsewhere = await enter("#alice/user:bob");
    await alice.say("Is the harbour open?");
    await expect.poll(() => elsewhere.texts(), until).toEqual(["Is the harbour open?"]);
    await elsewhere.say("Hello?");
    await expect.poll(() => alice.texts(), until).toEqual(["Is the harbour open?", "Hello?"]);
    const later = await enter("#alice/user:bob");
    await expect.poll(() => later.texts(), until).toEqual(["Is the harbour open?", "Hello?"]);
    await alice.page.reload();
    await alice.isOnline();
    await expect.poll(() => alice.texts(), until).toEqual(["Is the harbour open?", "Hello?"]);
    await later.toList();
    expect(await later.item("bob").textContent()).not.toContain("unread");
  });
});

describe("the browser's storage", () => {
  it("keeps the last 500 messages of each user", async () => {
    const { enter } = await place(DESKTOP);
    const alice = await enter("#alice/user:bob");
    await alice.page.evaluate(() => {
      for (let index = 0; index < 700; index++) {
        const [nonce, data] = [`n${index}`, { text: `message ${index}` }];
        const message = { nonce, channel: "user:bob", type: "chat", data, timestamp: index };
        const text = JSON.stringify({ ...message, delivery: { state: "stored", connections: 0 } });
        localStorage.setItem(`tidings.dev.sent.alice.${nonce}`, text);
      }
      localStorage.setItem("tidings.dev.sent.alice.bad", "no JSON");
      localStorage.setItem("other", "stays");
    });
    await alice.page.reload();
    await alice.message("message 699").waitFor();
    await expect.poll(async () => (await alice.texts()).length, until).toBe(500);
    const kept = (): Promise<number> => alice.page.evaluate(() => Object.keys(localStorage).length);
    await expect.poll(kept, until).toBeLessThanOrEqual(502);
    expect(await alice.page.evaluate(() => localStorage.getItem("other"))).toBe("stays");
  });

  it("is not needed: a message that it has no room for is sent and shown", async () => {
    const { enter } = await place(DESKTOP);
    const [alice, bob] = [await enter("#alice/user:bob"), await enter("#bob/user:alice")];
    await alice.page.evaluate(() => {
      Storage.prototype.setItem = () => {
        throw new DOMException("full", "QuotaExceededError");
      };
    });
    await alice.say("Hello");
    await expect.poll(() => bob.texts(), until).toEqual(["Hello"]);
    expect(await alice.texts()).toEqual(["Hello"]);
  });
});
