import { describe, expect, it } from "vitest";
import { escapeId, type Grants, grantsOf, grantsProblem, isGranted } from "../../src/protocol/protocol.ts";

const may = (pattern: string, channel: string): boolean => isGranted({ join: [pattern] }, "join", channel);

describe("a pattern of channels", () => {
  it.each([
    ["all", "all"],
    ["group:chess", "group:chess"],
    ["group:team-*", "group:team-1"],
    ["group:team-*", "group:team-"],
    ["group:*", "group:anything"],
    ["user:*", "user:bob"],
    [String.raw`group:a\*b`, "group:a*b"],
    [String.raw`group:a\*`, "group:a*"],
    [String.raw`group:a\**`, "group:a*b"],
    [String.raw`group:a\\b`, String.raw`group:a\b`],
    [String.raw`group:a\b`, String.raw`group:a\b`],
    [String.raw`group:a\\*`, String.raw`group:a\b`],
  ])("%s grants %s", (pattern, channel) => {
    expect(grantsProblem({ join: [pattern] })).toBeUndefined();
    expect(may(pattern, channel)).toBe(true);
  });

  it.each([
    ["all", "group:all"],
    ["group:chess", "group:chess2"],
    ["group:chess", "group:ches"],
    ["group:team-*", "group:team"],
    ["group:*", "user:bob"],
    [String.raw`group:a\*`, "group:ab"],
    [String.raw`group:a\*`, String.raw`group:a\b`],
    [String.raw`group:a\\*`, "group:ab"],
  ])("%s does not grant %s", (pattern, channel) => {
    expect(may(pattern, channel)).toBe(false);
  });

  it("grants only the operation of its list", () => {
    const can: Grants = { join: ["group:a"] };
    expect(isGranted(can, "history", "group:a")).toBe(false);
    expect(isGranted(undefined, "join", "group:a")).toBe(false);
  });

  it("is checked in a moment, whatever it holds", () => {
    expect(grantsProblem({ join: [`group:${"\\".repeat(500)}*x`] })).toContain("join: expected");
    expect(grantsProblem({ join: [`group:${"x".repeat(100_000)}`] })).toContain("join: expected");
  });
});

describe("grants that are none", () => {
  it.each([
    [null, 'expected an object such as {"join":["group:team-*"]}'],
    [["group:a"], "expected an object"],
    ["group:a", "expected an object"],
    [{ jion: ["group:a"] }, '"jion": expected one of join, send, edit, history, presence'],
    [{ join: "group:a" }, "join: expected a list of at most 1,000 channels"],
    [{ join: Array(1_001).fill("all") }, "join: expected a list of at most 1,000 channels"],
    [{ join: ["chess"] }, 'join: expected "all", "user:<id>" or "group:<id>"'],
    [{ join: ["*"] }, 'got "*"'],
    [{ join: ["group:"] }, 'got "group:"'],
    [{ join: ["group:a*b"] }, 'got "group:a*b"'],
    [{ join: ["group:\ud800"] }, "join: expected"],
    [{ join: [7] }, "got 7"],
    [{ join: [undefined] }, "join: expected"],
    [{ join: [null] }, "got null"],
  ])("%j", (can, problem) => {
    expect(grantsProblem(can)).toContain(problem);
    expect(() => grantsOf(can as never)).toThrow(/^can: /);
  });
});

describe("grants by id", () => {
  it.each(["*", "a*", String.raw`a\*`, String.raw`\\`, "a:b", "team-*"])("permit that id alone: %s", (id) => {
    const can = grantsOf({ join: [{ group: id }], presence: [{ user: id }] });
    expect(grantsProblem(can)).toBeUndefined();
    expect(isGranted(can, "join", `group:${id}`)).toBe(true);
    expect(isGranted(can, "presence", `user:${id}`)).toBe(true);
    for (const other of [`${id}x`, "ab", "team-1", id.slice(1)]) {
      if (other !== id) expect(isGranted(can, "join", `group:${other}`)).toBe(false);
    }
    expect(isGranted({ join: [`group:${escapeId(id)}`] }, "join", `group:${id}`)).toBe(true);
  });

  it("must be ids", () => {
    expect(() => grantsOf({ join: [{ group: "" }] })).toThrow("can: group: expected an id");
    expect(() => grantsOf({ join: [{} as never] })).toThrow("can: join: expected");
  });
});
