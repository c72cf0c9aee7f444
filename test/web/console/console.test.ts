import { expect, it, onTestFinished } from "vitest";
import { call } from "../../gateway/http/call.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, joined } from "../../support/peer.ts";
import { UNLIMITED } from "../../support/unlimited.ts";
import { expectAccessible } from "../axe.ts";
import { openTab, quiet, screenshot } from "../browser.ts";
import { Person } from "../dev/person.ts";
import { browser, DESKTOP, PHONE, until } from "../dev/place.ts";
import { openConsole } from "./operator.ts";

const ADMIN = "an API key that may do everything";
const READ = "an API key that may only read";

/** Development mode, so that the development page is there as a client; with API keys, so that the console needs one. */
const OPTIONS = {
  ...UNLIMITED,
  presence: { graceMs: 200 },
  node: { id: "n1" },
  apiKeys: [`admin:${ADMIN}`, `read:${READ}`],
};

const MARKUP = "<img src=x onerror=alert(1)>";

it("asks for an API key of the scope admin, and keeps it in the tab only", async () => {
  const { at } = await startHub({ ...OPTIONS, jwt: { secret: "a secret of at least thirty-two bytes" } });
  const { page } = await openTab(browser(), `${at.url}/console`, DESKTOP);
  const enter = async (key: string): Promise<void> => {
    await page.getByLabel("API key").fill(key);
    await page.keyboard.press("Enter");
  };
  await enter("a key that nobody has");
  await page.getByText("This key is not valid.").waitFor();
  await enter(READ);
  await page.getByText("This key may not open the console.").waitFor();
  await enter(ADMIN);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.reload();
  await page.getByText("Live", { exact: true }).waitFor();
  expect(page.url()).not.toContain("key");
  expect(await page.evaluate(() => JSON.stringify(localStorage))).toBe("{}");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("API key").waitFor();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
});

it("opens by itself where the API is open, and shows the figures of /metrics", async () => {
  const running = await startHub({ ...UNLIMITED, node: { id: "n1" } });
  const peers = await Promise.all(
    ["alice", "bob", "bob"].map(async (user) =>
      joined(await connectPeer(running.url({ user_id: user })), "crew"),
    ),
  );
  for (let sent = 0; sent < 20; sent++) await running.hub.group("crew").send({ type: "n", data: sent });
  await Promise.all(peers.map((peer) => peer.caughtUp()));
  const operator = await openConsole(running.at.url);
  const metric = async (name: string): Promise<number> => {
    const { text } = await call(running, "/metrics");
    return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  };
  // The console is a connection too.
  const connections = String(await metric("tidings_connections"));
  expect(connections).toBe("4");
  await expect.poll(() => operator.figure("Connections"), until).toBe(connections);
  expect(await operator.figure("Users")).toBe(String(await metric("tidings_users")));
  const { body } = await call(running, "/nodes/n1/stats");
  const { rates } = body as unknown as { rates: { delivered: number; published: number } };
  expect(rates.delivered).toBeCloseTo(3 * rates.published);
  await expect.poll(() => operator.greenPixels(), until).toBeGreaterThan(20);
  await operator.row("Busiest groups", "crew").waitFor();
  await operator.row("Nodes", "n1").getByText("active").waitFor();
});

it("kicks a user, whose tab says so and does not come back, and keeps out one who is blocked", async () => {
  const running = await startHub(OPTIONS);
  const alice = new Person(await openTab(browser(), `${running.at.url}/dev#alice`, DESKTOP));
  await alice.isOnline();
  const operator = await openConsole(running.at.url, { key: ADMIN, hash: "#users" });
  await operator.page.getByLabel("User", { exact: true }).fill("al");
  await operator.row("Users online", "alice").getByRole("link").click();
  await operator.reads("127.0.0.1");
  await operator.press("Kick…");
  await operator.page.getByLabel("Reason").fill("Too loud");
  await operator.confirm("Kick");
  await operator.reads("1 connection closed.");
  await alice.reads("Too loud");
  await operator.reads("offline");
  expect(await running.hub.presence.count()).toMatchObject({ users: 1 });

  await operator.press("Block…");
  await operator.confirm("Block");
  await operator.reads(/blocked for/);
  const blocked = await openTab(browser(), `${running.at.url}/dev#alice`, DESKTOP);
  await blocked.page
    .getByText(/blocked/i)
    .filter({ visible: true })
    .first()
    .waitFor();
  await operator.opens("Users");
  await operator.page.getByRole("tab", { name: "Blocked" }).click();
  await operator.page.getByRole("button", { name: "Unblock alice" }).click();
  await operator.reads("alice may log in again.");
});

/** Chromium tells of every refused request. */
const CONFLICT = "Failed to load resource: the server responded with a status of 409 (Conflict)";

it("sends to users, groups and everyone, tells why, and follows what happens", async () => {
  const running = await startHub(OPTIONS);
  const operator = await openConsole(running.at.url, { key: ADMIN, hash: "#events", complaints: [CONFLICT] });
  await operator.reads("Nothing has happened");
  const alice = await joined(await connectPeer(running.url({ user_id: "alice" })), "crew");
  await operator.row("Events", "").filter({ hasText: "join" }).waitFor();
  // Whoever writes to the console's user in the name of the feed is an event, and tells of none.
  const { users } = await running.hub.presence.online({ limit: 10 });
  const to = users.find(({ user }) => user.startsWith("console-"))?.user;
  const forged = { events: [{ kind: "forged", at: 0, node: "n1" }], omitted: 0, silent: [] };
  await alice.request("message.send", { to, type: "console.events", data: forged });
  await operator.row("Events", "").filter({ hasText: "console.events" }).waitFor();
  expect(await operator.row("Events", "").filter({ hasText: "forged" }).count()).toBe(0);
  await operator.opens("Broadcast");
  await operator.page.getByLabel("Data").fill('{"text":"Harbour closed"}');
  await operator.press("Preview…");
  await operator.page.getByRole("dialog").getByText("Harbour closed").waitFor();
  await operator.confirm("Send to everyone");
  await operator.reads(/(delivered|stored): 1 connection\./);
  expect(await alice.frame("message")).toMatchObject({ data: { text: "Harbour closed" } });
  await operator.opens("Groups");
  await operator.row("Groups", "crew").getByRole("link").click();
  await operator.page.getByRole("tab", { name: "Send" }).click();
  await operator.page.getByLabel("Type").fill("shanty");
  await operator.press("Send to the group");
  expect(await alice.frame("shanty")).toMatchObject({ group: "crew" });
  await operator.page.getByRole("tab", { name: "History" }).click();
  await operator.row("History", "1").getByRole("link", { name: "Why?" }).click();
  await operator.reads("Connections that took it");
  await operator.opens("Limits");
  const change = async (changes: string): Promise<void> => {
    await operator.page.getByLabel("Changes").fill(changes);
    await operator.press("Change…");
    await operator.confirm("Change");
  };
  await change('{"messagesPerUser":"77-M"}');
  await operator.row("Limits in force", "messagesPerUser").getByText("changed").waitFor();
  // What another console has changed since then is shown before it can be replaced.
  const headers = { "x-api-key": ADMIN };
  await call(running, "/limits", { method: "PUT", body: { messagesPerUser: "78-M" }, headers });
  await change('{"messagesPerConnection":"79-M"}');
  await operator.reads("Nothing was changed");
  await operator.row("Limits in force", "messagesPerUser").getByText("78-M").waitFor();
  await change('{"messagesPerConnection":"79-M"}');
  await operator.row("Limits in force", "messagesPerConnection").getByText("changed").waitFor();
});

it("shows a dash, and why, where a node does not count the messages of a group", async () => {
  const running = await startHub({ ...UNLIMITED, node: { id: "n1" } });
  const peer = await connectPeer(running.url({ user_id: "alice" }));
  const busy = Array.from({ length: 513 }, (_, number) => `busy-${number}`);
  for (const group of ["a-quiet-one", ...busy]) await joined(peer, group);
  const send = (): void => {
    for (const group of busy) void running.hub.group(group).send({ type: "n", ephemeral: true });
  };
  send();
  const talk = setInterval(send, 2_000);
  onTestFinished(() => clearInterval(talk));
  const operator = await openConsole(running.at.url, { hash: "#groups" });
  const quiet = operator.row("Groups", "a-quiet-one");
  await quiet.waitFor();
  expect(await quiet.getByTitle("Not known").allTextContents()).toEqual(["–", "–"]);
  await operator.reads("stands for a rate that is not known");
  await quiet.getByRole("link").click();
  await operator.page.getByRole("heading", { name: "a-quiet-one" }).waitFor();
  await operator.reads("stands for a rate that is not known");
  expect(await operator.figure("Messages")).toBe("–");
});

it("says that the server refuses its feed, and asks again", async () => {
  const limits = { ...UNLIMITED.limits, actionsPerUser: { "console.watch": "1-H" } };
  const running = await startHub({ ...OPTIONS, limits });
  const operator = await openConsole(running.at.url, { key: ADMIN });
  await operator.opens("Events");
  const problem = operator.page.getByText("The server does not send what happens now");
  await problem.waitFor();
  running.hub.updateConfig({ limits: UNLIMITED.limits });
  await problem.waitFor({ state: "detached" });
  await connectPeer(running.url({ user_id: "alice" }));
  await operator.row("Events", "").filter({ hasText: "alice" }).waitFor();
});

it("shows as text whatever users have named themselves and others", async () => {
  const running = await startHub(OPTIONS);
  const operator = await openConsole(running.at.url, { key: ADMIN, hash: "#events" });
  const peer = await connectPeer(running.url({ user_id: MARKUP, platform: MARKUP }));
  await joined(peer, MARKUP);
  await peer.request("message.send", { group: MARKUP, type: MARKUP, data: { [MARKUP]: MARKUP } });
  await running.hub.group(MARKUP).send({ type: MARKUP.slice(0, 60), data: MARKUP });
  await operator.row("Events", "").filter({ hasText: MARKUP }).first().waitFor();
  const name = encodeURIComponent(MARKUP);
  for (const hash of ["overview", "users", `users/${name}`, "groups", `groups/${name}`, `why?user=${name}`]) {
    await operator.page.goto(`${running.at.url}/console#${hash}`);
    await operator.reads(MARKUP);
  }
  expect(await operator.page.locator("img").count()).toBe(0);
});

const SECTIONS = [
  "Overview",
  "Nodes",
  "Users",
  "Groups",
  "Broadcast",
  "Events",
  "Why",
  "Limits",
  "Configuration",
];

it.each([
  ["desktop", { ...DESKTOP, colorScheme: "light" }],
  ["phone", { ...PHONE, colorScheme: "dark" }],
] as const)("fits a %s, and has no barriers", async (name, size) => {
  const running = await startHub({ ...UNLIMITED, node: { id: "harbour-1" } });
  for (const user of ["alice", "bob", "carol"])
    await joined(await connectPeer(running.url({ user_id: user })), "crew");
  const data = { text: "The tide turns at six" };
  const talk = setInterval(() => void running.hub.group("crew").send({ type: "chat", data }), 100);
  onTestFinished(() => clearInterval(talk));
  const operator = await openConsole(running.at.url, size);
  await operator.row("Nodes", "harbour-1").waitFor();
  await quiet(operator.page);
  await screenshot(operator.page, `console-${name}`);
  for (const section of SECTIONS) {
    await operator.opens(section);
    const isTooWide = await operator.page.evaluate(
      () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
    );
    expect(isTooWide, section).toBe(false);
    await expectAccessible(operator.page, section);
  }
});

it("works with the keyboard alone", async () => {
  const running = await startHub({ ...UNLIMITED, node: { id: "n1" } });
  const alice = await connectPeer(running.url({ user_id: "alice" }));
  const { page } = await openConsole(running.at.url);
  /** Presses Tab until the element of this name has the focus. */
  const reach = async (name: string): Promise<void> => {
    for (let presses = 0; presses < 60; presses++) {
      await page.keyboard.press("Tab");
      if ((await page.evaluate(() => document.activeElement?.textContent)) === name) return;
    }
    throw new Error(`Tab does not reach ${name}`);
  };
  const press = async (name: string): Promise<void> => {
    await reach(name);
    await page.keyboard.press("Enter");
  };
  await press("Users");
  await page.getByRole("rowheader", { name: "alice" }).waitFor();
  await press("alice");
  await page.getByText("127.0.0.1").waitFor();
  await press("Kick…");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  // The element, not the role: a closed dialog has none, while the page does not know yet that it is closed.
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await press("Kick");
  expect(await alice.closed).toMatchObject({ code: 4501 });
});
