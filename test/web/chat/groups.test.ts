import { describe, expect, it } from "vitest";
import { place, until } from "./place.ts";

describe("groups on the chat page", () => {
  it("take everyone online with one button", async () => {
    const { enter, ask } = await place();
    const people = [await enter("alice"), await enter("bob"), await enter("carol"), await enter("dilek")];
    const [alice, ...others] = people as [(typeof people)[0], ...typeof people];
    await ask("emil", "profile"); // not online
    await alice.toList("People");
    await alice.button("Everyone into one group").click();
    await alice.reads("4 users are online now.");
    await alice.page.getByLabel("Name of the group").fill("All hands");
    await alice.button("Make the group").click();
    await alice.page.getByRole("heading", { name: "All hands" }).waitFor();
    await alice.say("Cast off at nine");
    for (const person of others) {
      await person.open("All hands");
      await person.message("Cast off at nine").waitFor();
    }
    await alice.reads("4 members");
    await others[0]?.say("Aye");
    for (const person of people) await person.message("Aye").waitFor();
    expect((await ask("alice", "groups")).groups).toMatchObject([{ name: "All hands", members: 4 }]);
  });

  it("are made, filled by invitations, managed and left", async () => {
    const { enter } = await place();
    const [alice, bob, carol] = [await enter("alice"), await enter("bob"), await enter("carol")];
    await alice.button("New group").click();
    await alice.page.getByLabel("Name of the group").fill("Crew");
    await alice.button("Create group").click();
    await alice.button(/Details/).click();
    const details = alice.page.getByRole("region", { name: "Details" });
    for (const name of ["bob", "carol"]) {
      await details.getByRole("searchbox", { name: "Invite somebody" }).fill(name);
      await details.getByRole("button", { name: `Invite: ${name}` }).click();
    }
    for (const person of [bob, carol]) {
      await person.reads("invites you to Crew.");
      await person.button("Join").click();
      await person.page.getByRole("heading", { name: "Crew" }).waitFor();
    }
    await alice.page.getByRole("log").getByText("carol joined").waitFor();
    const members = details.getByRole("region", { name: "Members" }).getByRole("listitem");
    await expect.poll(() => members.count(), until).toBe(3);
    await details.getByRole("button", { name: "Actions for bob" }).click();
    await details.getByRole("button", { name: "Make administrator" }).click();
    await details.getByText("Administrator").waitFor();
    await details.getByLabel("Name of the group").fill("Deck crew");
    await details.getByRole("button", { name: "Rename" }).click();
    await bob.page.getByRole("heading", { name: "Deck crew" }).waitFor();
    await bob.button(/Details/).click();
    await bob.button("Actions for carol").click();
    await bob.button("Remove").click();
    await carol.reads("bob has removed you from Deck crew.");
    await expect.poll(() => carol.item("Deck crew").count(), until).toBe(0);
    await bob.button("Leave the group").click();
    await bob.button("Leave").click();
    await expect.poll(() => bob.item("Deck crew").count(), until).toBe(0);
    await expect.poll(() => members.count(), until).toBe(1);
  });

  it("have a robot in the demo group, which answers", async () => {
    const { enter } = await place({ demo: true });
    const alice = await enter("alice");
    await expect.poll(() => alice.unread(), until).toEqual(["Say hello: 1"]);
    await alice.open("Say hello");
    await alice.reads(/Welcome, alice! I am a robot/);
    await alice.say("Hello robot, what time is it?");
    await alice.reads(/It is \d\d:\d\d UTC\./);
  });
});
