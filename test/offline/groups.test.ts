import { describe, expect, it } from "vitest";
import { startProxy } from "../examples/proxy.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { FakeBrowser, type FakeTab } from "./fake-browser.ts";

/** A hub behind a network that can break, and two tabs, the leading one first. */
async function place() {
  const { hub, at } = await startHub();
  const proxy = await startProxy(at.port);
  const browser = new FakeBrowser();
  const open = async (): Promise<FakeTab> => {
    const tab = browser.open(`ws://127.0.0.1:${proxy.port}/ws`, { user: "alice" });
    await tab.client.ready;
    return tab;
  };
  return { hub, proxy, open, leader: await open(), other: await open() };
}

const opened = ({ statuses }: FakeTab): number => statuses.filter((type) => type === "open").length;

describe("groups of tabs", () => {
  it("with a durable membership have all tabs, also those that open after a reconnect", async () => {
    const { hub, proxy, open, leader, other } = await place();
    const group = hub.group("g");
    await group.add("alice");
    await group.send({ type: "chat", data: 1 });
    await eventually("both have the first", () => leader.heard.length + other.heard.length === 2);
    proxy.cut();
    await eventually("both are back", () => opened(leader) + opened(other) === 4);
    const late = await open();
    await group.send({ type: "chat", data: 2 });
    await eventually("all have the second", () =>
      [leader, other, late].every(({ heard }) => heard.includes(2)),
    );
    leader.leave();
    await group.send({ type: "chat", data: 3 });
    await eventually("the others have the third", () =>
      [other, late].every(({ heard }) => heard.includes(3)),
    );
    expect([leader.heard, other.heard, late.heard]).toEqual([
      [1, 2],
      [1, 2, 3],
      [2, 3],
    ]);
  });

  it("that a tab has joined stay its own after a takeover", async () => {
    const { hub, open, leader, other } = await place();
    await other.client.join("g");
    const late = await open();
    await hub.group("g").send({ type: "chat", data: 1 });
    await eventually("it has the first", () => other.heard.length === 1);
    leader.leave();
    await hub.group("g").send({ type: "chat", data: 2 });
    await eventually("it has the second", () => other.heard.length === 2);
    expect([leader.heard, other.heard, late.heard]).toEqual([[], [1, 2], []]);
  });

  it("keep a tab whose further join is refused", async () => {
    const { hub, other } = await place();
    await other.client.join("g");
    await expect(other.client.join("g", { data: "x".repeat(2_000) })).rejects.toThrow();
    await hub.group("g").send({ type: "chat", data: 1 });
    await eventually("it is heard", () => other.heard.length === 1);
  });

  it("tell a tab that it is out, when it is refused after a takeover", async () => {
    const { hub, leader, other } = await place();
    await other.client.join("g");
    await hub.group("g").send({ type: "chat", data: 1 });
    await eventually("it is heard", () => other.heard.length === 1);
    const errors: unknown[] = [];
    other.client.onStatus((status) => status.type === "error" && errors.push(status.error));
    hub.authorize(({ verb }) => verb !== "join");
    leader.leave();
    await eventually("it is told", () => errors[0]);
    expect(errors).toEqual([expect.objectContaining({ code: "forbidden" })]);
  });
});
