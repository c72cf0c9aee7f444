import { Writable } from "node:stream";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { startHub } from "../../support/hub.ts";
import { connectPeer } from "../../support/peer.ts";

describe("the log at the level debug", () => {
  it("has requests, joins, publishes and HTTP requests, without data and tokens", async () => {
    const lines: Record<string, unknown>[] = [];
    const sink = new Writable({
      write(line, _encoding, done) {
        lines.push(JSON.parse(String(line)));
        done();
      },
    });
    const { hub, url, at } = await startHub({ logger: pino({ level: "debug" }, sink) });
    const peer = await connectPeer(url({ user_id: "bob", token: "hidden-token" }));
    await peer.request("group.join", { group: "g1" });
    peer.send({ id: 1, type: "chat", group: "g1", data: "hidden-data" });
    await peer.next(({ id }) => id === 1);
    await peer.request("group.leave", { group: "g1" });
    await peer.request("group.join", {});
    await hub.user("bob").send({ type: "note", data: "hidden-data" });
    await (await fetch(`${at.url}/history?channel=user:bob`)).text();
    const named = (msg: string): Record<string, unknown>[] => lines.filter((line) => line.msg === msg);
    expect(named("joined")).toMatchObject([{ user: "bob", group: "g1" }]);
    expect(named("left")).toMatchObject([{ user: "bob", group: "g1" }]);
    expect(named("request").map(({ action, code }) => [action, code])).toEqual([
      ["group.join", "ok"],
      ["message.send", "ok"],
      ["group.leave", "ok"],
      ["group.join", "bad_request"],
    ]);
    expect(named("published")).toMatchObject([
      { type: "chat", channel: "group:g1", from: "bob" },
      { type: "note", channel: "user:bob" },
    ]);
    expect(named("HTTP request")).toMatchObject([{ method: "GET", path: "/history", status: 200 }]);
    expect(JSON.stringify(lines)).not.toContain("hidden");
  });

  it("costs nothing at other levels: no middleware, no hook", async () => {
    const lines: string[] = [];
    const sink = new Writable({
      write(line, _encoding, done) {
        lines.push(String(line));
        done();
      },
    });
    const { url } = await startHub({ logger: pino({ level: "info" }, sink) });
    const peer = await connectPeer(url({ user_id: "bob" }));
    await peer.request("group.join", { group: "g1" });
    expect(lines.some((line) => /"msg":"(joined|request)"/.test(line))).toBe(false);
  });
});
