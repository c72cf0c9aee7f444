import { describe, expect, it } from "vitest";
import { Cable } from "./cable.ts";
import { place, until } from "./place.ts";

describe("the chat page without a network", () => {
  it("catches up in all conversations, and sends what was written offline, once and in order, on a page that is opened anew", async () => {
    const { running, enter, ask } = await place();
    const cable = await Cable.lay(Number(new URL(running.at.url).port));
    const bob = await enter("bob", { at: cable.url });
    const alice = await enter("alice");
    const { group: crew } = await ask("alice", "create", { name: "Crew", open: true });
    const { group: lunch } = await ask("alice", "create", { name: "Lunch", open: true });
    for (const group of [crew, lunch]) await ask("bob", "join", { group });
    await alice.writeTo("bob");
    await alice.say("before");
    await bob.open("alice");
    await expect.poll(() => bob.texts(), until).toEqual(["before"]);
    await alice.reads(/^Read$/);
    cable.cut();
    await bob.reads("You are offline.");
    await bob.say("one of mine", "two of mine");
    await bob.message("two of mine").getByText("Waits for the connection").waitFor();
    await alice.say("missed 1", "missed 2");
    for (const text of ["crew 1", "crew 2", "crew 3"]) await ask("alice", "send", { group: crew, text });
    await ask("alice", "send", { group: lunch, text: "lunch 1" });
    await alice.message("missed 2").waitFor();
    // Not a reload: the browser tries a page that failed to load again by itself, with the conversation open.
    await bob.page.goto("about:blank");
    cable.mend();
    await bob.page.goto(`${cable.url}/chat`);
    await bob.isOnline();
    await expect
      .poll(async () => (await bob.unread()).sort(), until)
      .toEqual(["Crew: 3", "Lunch: 1", "alice: 2"]);
    await bob.open("alice");
    const all = ["before", "missed 1", "missed 2", "one of mine", "two of mine"];
    for (const person of [alice, bob]) await expect.poll(() => person.texts(), until).toEqual(all);
    await bob.open("Crew");
    await expect.poll(() => bob.texts(), until).toEqual(["crew 1", "crew 2", "crew 3"]);
    await bob.open("Lunch");
    await expect.poll(() => bob.texts(), until).toEqual(["lunch 1"]);
    await expect.poll(() => bob.unread(), until).toEqual([]);
    await bob.page.reload();
    await bob.open("alice");
    await expect.poll(() => bob.texts(), until).toEqual(all);
  });

  it("sends what another tab has left, while a connection is lost and comes back", async () => {
    const { running, enter } = await place();
    const cable = await Cable.lay(Number(new URL(running.at.url).port));
    const bob = await enter("bob", { at: cable.url });
    const alice = await enter("alice");
    await bob.writeTo("alice");
    await bob.say("hello");
    await alice.open("bob");
    await alice.message("hello").waitFor();
    cable.cut();
    await bob.reads("You are offline.");
    await bob.say("soon");
    cable.mend();
    await bob.isOnline();
    await bob.reads("Back online.");
    for (const person of [alice, bob])
      await expect.poll(() => person.texts(), until).toEqual(["hello", "soon"]);
  });

  it.each([
    ["kick", "You were disconnected", "enough for today"],
    ["block", "You are blocked", ""],
  ] as const)(
    "ends with a clear message after a %s, and does not connect again",
    async (how, title, reason) => {
      const { running, enter } = await place();
      const alice = await enter("alice");
      const user = running.hub.user("alice");
      if (how === "kick") await user.kick({ reason });
      else await user.block(60_000);
      await alice.page.getByRole("heading", { name: title }).waitFor();
      await alice.reads(reason === "" ? "This tab does not connect again by itself." : reason);
      expect(await user.connections()).toEqual([]);
      if (how === "block") return;
      await alice.button("Connect again").click();
      await alice.isOnline();
    },
  );
});
