import { describe, expect, it } from "vitest";
import { widthOf } from "../../../src/cli/top/text.ts";
import { renderTop, type View } from "../../../src/cli/top/top.ts";
import { nodeOf, silentNode, snapshotOf } from "./snapshots.ts";

const SCREEN: View = { width: 80, height: 24, sort: "name", isColoured: false, footer: "q quit" };
const EVERYTHING: View = { ...SCREEN, height: Number.POSITIVE_INFINITY };

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("the screen of top", () => {
  it("fits on 80 columns and 24 lines", () => {
    expect(renderTop(snapshotOf(), SCREEN).map((line) => line.trimEnd())).toEqual([
      "tidings top  2 nodes, 1.2k conns, in 240/s, out 6.8k/s                 14:02:11Z",
      "NODE           STATE    CONNS  IN/s PUB/s OUT/s DROP/s STORE99 DELIV99 LOOP  RSS",
      "n1             ok        1.2k   120    80  3.4k      0   1.2ms   2.0ms  34% 120M",
      "n2             ok           7   120    80  3.4k      0   1.2ms   2.0ms  34% 120M",
      "",
      "BUSIEST GROUPS                                                MSG/s  OUT/s NODES",
      "lobby                                                           120   3.4k     2",
      "tiny                                                            0.3    0.5     1",
      "",
      "SLOW CLIENTS CONNECTION       PLATFORM QUEUE STALL  AGE ADDRESS         NODE",
      "alice        yJ0pQm8cT2aXb4Zq ios       1.5M  1.5s  12m 192.0.2.7       n1",
      "q quit",
    ]);
  });

  it("names what does not work above the tables", () => {
    const degraded = [{ what: "clock", why: "the clock is 3 s ahead" }];
    const nodes = [
      nodeOf("n1", { degraded }),
      nodeOf("n2", { refusal: "the event loop is overloaded" }),
      nodeOf("n3", { draining: true }),
      silentNode("n4"),
    ];
    const lines = renderTop(snapshotOf({ nodes, incomplete: "Redis is away" }), EVERYTHING);

    expect(lines.slice(1, 5)).toEqual([
      "other nodes are missing: Redis is away",
      "n1: clock degraded: the clock is 3 s ahead",
      "n2 refuses new connections: the event loop is overloaded",
      "node n4 did not answer within 2000 ms",
    ]);
    const states = lines.slice(6, 10).map((line) => line.split(/ +/).slice(0, 2).join(" "));
    expect(states).toEqual(["n1 degraded", "n2 refusing", "n3 draining", "n4 silent"]);
  });

  it("has all nodes on a high screen, and counts those that a low one leaves out", () => {
    const nodes = upTo(50).map((number) => nodeOf(`node-${String(number).padStart(2, "0")}`));
    const nodeLines = (view: View): string[] =>
      renderTop(snapshotOf({ nodes }), view).filter((line) => line.startsWith("node-"));

    expect(nodeLines(EVERYTHING)).toHaveLength(50);
    expect(nodeLines(SCREEN).length).toBeGreaterThan(5);
    expect(renderTop(snapshotOf({ nodes }), SCREEN).join("\n")).toMatch(/… and \d+ more nodes/);
  });

  it("sorts the nodes, with silent ones first where figures count", () => {
    const nodes = [nodeOf("n1", { connections: 1 }), nodeOf("n2", { connections: 9 }), silentNode("n3")];
    const order = (sort: View["sort"]): string[] =>
      renderTop(snapshotOf({ nodes }), { ...EVERYTHING, sort })
        .map((line) => line.slice(0, 2))
        .filter((name) => /^n\d$/.test(name));

    expect(order("name")).toEqual(["n1", "n2", "n3"]);
    expect(order("connections")).toEqual(["n3", "n2", "n1"]);
  });

  it("says so where there are no busy groups and no slow clients", () => {
    const text = renderTop(snapshotOf({ groups: [], connections: [] }), SCREEN).join("\n");

    expect(text).toContain("no messages to groups in the last seconds");
    expect(text).toContain("none: all clients keep up");
  });

  it.each([
    [1, 1],
    [7, 3],
    [20, 10],
    [80, 24],
    [81, 40],
    [200, 60],
  ])("is never larger than a screen of %i × %i, with names of any alphabet", (width, height) => {
    const long = "消息🙂é".repeat(60);
    const nodes = [nodeOf(long), silentNode(long), ...upTo(30).map((number) => nodeOf(`n${number}`))];
    const groups = upTo(25).map(() => ({ group: long, messages: 1e9, deliveries: 1e12, nodes: 50 }));
    const [client] = snapshotOf().connections;
    const connections = upTo(25).map(
      () => ({ ...client, user: long, address: long }) as typeof client & object,
    );
    const lines = renderTop(snapshotOf({ nodes, groups, connections }), { ...SCREEN, width, height });

    expect(lines.length).toBeLessThanOrEqual(height);
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
  });

  it("lets no control character of a name reach the terminal", () => {
    const evil = "\x1b[2J\x07\u009b31m\u202e\r\n\u2028\ud800x";
    const [client] = snapshotOf().connections;
    const snapshot = snapshotOf({
      nodes: [nodeOf(evil, { refusal: evil }), { node: "n2", error: { message: evil } }],
      groups: [{ group: evil, messages: 1, deliveries: 1, nodes: 1 }],
      connections: [
        { ...client, user: evil, platform: evil, address: evil, id: evil, node: evil } as typeof client &
          object,
      ],
      incomplete: evil,
    });
    const view = { ...EVERYTHING, width: 400, problem: evil, footer: evil };

    expect(renderTop(snapshot, view).join("")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Cs}]/u);
    expect(renderTop(snapshot, view).join("")).toContain("\\u{1b}[2J\\u{7}\\u{9b}31m\\u{202e}");
    const coloured = renderTop(snapshot, { ...view, isColoured: true }).join("");
    const parts = coloured.split("\x1b[");
    for (const part of parts.slice(1)) expect(part).toMatch(/^(?:0|1|2|7|31|33)m/);
    expect(parts.join("")).not.toMatch(/\p{Cc}/u);
  });
});
