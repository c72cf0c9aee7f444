import { describe, expect, test } from "vitest";
import { lua, luaEscapes } from "../../../src/backplane/redis/connection/lua.ts";
import { script } from "../../../src/backplane/redis/connection/script.ts";
import { CURSOR_SCRIPTS } from "../../../src/backplane/redis/history/cursor-scripts.ts";
import { entryPattern } from "../../../src/backplane/redis/history/lua.ts";
import { HISTORY_SCRIPTS } from "../../../src/backplane/redis/history/scripts.ts";
import { REGISTRY_SCRIPTS } from "../../../src/backplane/redis/nodes/scripts.ts";
import { PRESENCE_SCRIPTS } from "../../../src/backplane/redis/presence/scripts.ts";
import { APPEND } from "../../../src/backplane/redis/stored/append/script.ts";
import { IDEMPOTENCY_SCRIPTS } from "../../../src/backplane/redis/stored/idempotency-scripts.ts";
import { KEY } from "../../../src/backplane/redis/wire/keys.ts";
import { LINE } from "../../../src/backplane/redis/wire/lines.ts";
import { type EntryField, encodeEntry } from "../../../src/backplane/redis/wire/stored-line.ts";

const SCRIPTS = [
  APPEND,
  ...HISTORY_SCRIPTS,
  ...CURSOR_SCRIPTS,
  ...IDEMPOTENCY_SCRIPTS,
  ...PRESENCE_SCRIPTS,
  ...REGISTRY_SCRIPTS,
];

describe("scripts", () => {
  test("take less than half of the room in front of a large payload", () => {
    for (const { lua } of SCRIPTS) expect(lua.length).toBeLessThan(12 * 1_024);
  });

  test("are sent without comments, empty lines and indentation", () => {
    const { lua: sent } = script(
      "some",
      lua`
-- KEYS[1]  base

local one = 1
  -- why
  one = 2
return one -- kept: it shares a line with code
`,
    );

    expect(sent).toMatch(/\nlocal one = 1\none = 2\nreturn one -- kept: it shares a line with code\n$/);
    expect(sent).not.toMatch(/^\s*(--.*)?$\n/m);
  });

  test("have names of their own, and so do the kinds of lines and keys", () => {
    for (const names of [SCRIPTS.map(({ name }) => name), Object.values(LINE), Object.values(KEY)]) {
      expect(new Set(names).size).toBe(names.length);
    }
  });
});

describe("Lua", () => {
  test("escapes have three digits, so that a digit may follow", () => {
    expect(luaEscapes("\x1f\n")).toBe(String.raw`\031\010`);
  });

  test("patterns of an entry capture the named fields in the order of its layout", () => {
    const entry = encodeEntry({
      id: "m1",
      type: "chat",
      body: '"hi"',
      timestamp: 7,
      channel: "all",
      from: "bob",
      platforms: ["web"],
    });
    const captured = (...names: EntryField[]) =>
      new RegExp(entryPattern(...names).replaceAll("\\031", "\x1f")).exec(entry)?.slice(1);

    expect(captured("id")).toEqual(["m1"]);
    expect(captured("timestamp", "id")).toEqual(["m1", "7"]);
    expect(captured("type", "body", "from")).toEqual(["chat", '"hi"', "bob"]);
    expect(captured("platforms", "except")).toEqual(['["web"]', ""]);
  });
});
