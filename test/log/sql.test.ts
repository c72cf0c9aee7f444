import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type MessageQuery, type MessageSink, sinkOf } from "../../src/log/log.ts";
import { PostgresServer } from "../support/postgres/postgres.ts";
import { storedOf } from "./support.ts";

let postgres: PostgresServer;
let directory: string;
beforeAll(async () => {
  [postgres, directory] = await Promise.all([
    PostgresServer.start(),
    mkdtemp(join(tmpdir(), "tidings-message-log-")),
  ]);
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

let databases = 0;
const TARGETS: Record<string, () => Promise<string>> = {
  SQLite: async () => `sqlite:${join(directory, `deep/log-${++databases}.db`)}`,
  PostgreSQL: () => postgres.database(`log${++databases}`),
};

const refuse = (record: object, reason: string): never => {
  throw new Error(`refused ${JSON.stringify(record).slice(0, 100)}: ${reason}`);
};

/** Names that break what is not careful. */
const NAMES = [
  "'; DROP TABLE tidings_log_messages; --",
  '" OR 1=1 --',
  "$1 ?1 $x %s \\",
  "100%",
  "a_b",
  "user:bob",
  "Ж中文🎉e\u0301ןשاᚠ𝔘",
  "x".repeat(255),
  "🎉".repeat(255),
];

describe.each(Object.keys(TARGETS))("the message log on %s", (kind) => {
  let target: string;
  let sink: MessageSink;
  const search = async (query: Partial<MessageQuery>): Promise<string[]> =>
    ((await sink.search?.({ limit: 100, ...query }))?.messages ?? []).map(({ id }) => id);
  const write = async (...records: Parameters<MessageSink["write"]>[0]): Promise<void> =>
    sink.write(records, refuse);

  beforeEach(async () => {
    target = (await TARGETS[kind]?.()) ?? "";
    sink = sinkOf(target);
    await sink.open?.();
    return () => sink.close?.();
  });

  it("gives a message back as it was, with its failures and drops", async () => {
    const record = storedOf("m1", {
      data: '{"n":738529527931269425, "x":1.10}',
      platforms: ["web", "ios"],
      offset: 7,
    });
    const common = { node: "n2", channel: "user:bob", message: "m1" } as const;
    const failed = {
      kind: "failed",
      code: "unavailable",
      reason: "gone",
      type: "chat",
      from: "alice",
    } as const;
    await write(
      record,
      { ...failed, ...common, id: "o1", timestamp: 1 },
      { kind: "dropped", ...common, id: "o2", timestamp: 2, count: 3 },
    );
    await write(
      {
        kind: "acknowledged",
        id: "o3",
        timestamp: 3,
        node: "n1",
        channel: "user:bob",
        user: "bob",
        device: "d",
        offset: 7,
      },
      { kind: "gap", id: "o4", timestamp: 4, node: "n1", count: 9, since: 1, until: 4, reason: "full" },
    );
    const { kind: _, ...fields } = record;
    const page = await sink.search?.({ limit: 10 });
    expect(page).toEqual({
      messages: [
        {
          ...fields,
          outcomes: [
            { ...failed, ...common, id: "o1", timestamp: 1 },
            { kind: "dropped", ...common, id: "o2", timestamp: 2, count: 3 },
          ],
        },
      ],
    });
  });

  it("finds a message by its present data, and neither by what an edit replaced nor by what was deleted", async () => {
    const change = (kind: "edited" | "deleted", message: string, offset: number, data = "") => ({
      ...{ kind, id: `${kind}${message}${offset}`, timestamp: 2_000, node: "n2", message, offset, data },
      ...{ channel: "user:bob" as const, from: "alice" },
    });
    const messages = ["m", "d", "late", "both"].map((id) => storedOf(id, { data: `"First of ${id}"` }));
    const early = [change("edited", "late", 5, '"Second of late"'), change("deleted", "both", 6)];
    await write(...early);
    await write(...messages);
    await write(change("edited", "m", 7, '"Second of m"'), change("deleted", "d", 8));
    // Records of another node come late: what happened last in the channel counts.
    await write(change("edited", "m", 3, '"Third of m"'), change("edited", "d", 4, '"Third of d"'));
    // The answer of a write was lost, so the records come again.
    await write(...messages, ...early);

    expect(await search({ text: "First" })).toEqual([]);
    expect(await search({ text: "Third" })).toEqual([]);
    expect((await search({ text: "second" })).sort()).toEqual(["late", "m"]);
    const found = (await sink.search?.({ limit: 9 }))?.messages ?? [];
    const [m, d] = ["m", "d"].map((id) => found.find((message) => message.id === id));
    expect(m).toMatchObject({ data: '"Second of m"', outcomes: [{ offset: 3 }, { offset: 7 }] });
    expect(m?.outcomes.map(({ kind }) => kind)).toEqual(["edited", "edited"]);
    expect(d?.data).toBe("null");
    expect(d?.outcomes).toContainEqual(
      expect.objectContaining({ kind: "deleted", from: "alice", offset: 8 }),
    );
    for (const { outcomes } of found) for (const each of outcomes) expect(each).not.toHaveProperty("data");
  });

  it("keeps a record once, however often it is written", async () => {
    const drop = {
      kind: "dropped",
      id: "o1",
      timestamp: 2,
      node: "n1",
      channel: "all",
      message: "m1",
      count: 3,
    } as const;
    await write(storedOf("m1"), drop);
    await write(storedOf("m1"), storedOf("m2"), drop, storedOf("m2"));
    const page = await sink.search?.({ limit: 10 });
    expect(page?.messages.map(({ id, outcomes }) => [id, outcomes.length])).toEqual([
      ["m2", 0],
      ["m1", 1],
    ]);
  });

  it("finds by user, sender, receiver, group, channel, type and time", async () => {
    await write(
      storedOf("m1", { timestamp: 1_000 }),
      storedOf("m2", { timestamp: 2_000, from: "bob", channel: "user:alice", type: "shipped" }),
      storedOf("m3", { timestamp: 3_000, from: undefined, channel: "group:g" }),
      storedOf("m4", { timestamp: 4_000, from: "carol", channel: "all" }),
      storedOf("m5", { timestamp: 5_000, from: "carol", channel: "user:group:g" }),
    );
    expect(await search({})).toEqual(["m5", "m4", "m3", "m2", "m1"]);
    expect(await search({ user: "alice" })).toEqual(["m2", "m1"]);
    expect(await search({ from: "alice" })).toEqual(["m1"]);
    expect(await search({ to: "alice" })).toEqual(["m2"]);
    expect(await search({ group: "g" })).toEqual(["m3"]);
    expect(await search({ channel: "all" })).toEqual(["m4"]);
    expect(await search({ type: "chat", user: "alice" })).toEqual(["m1"]);
    expect(await search({ since: 2_000, until: 4_000 })).toEqual(["m3", "m2"]);
    expect(await search({ user: "alice", group: "g" })).toEqual([]);
  });

  it("finds text in any script, case and way to write JSON, and takes no wildcards", async () => {
    const texts = {
      m1: '{"text":"Привет, Мир"}',
      m2: '{"text":"\\u041f\\u0440\\u0438\\u0432\\u0435\\u0442"}',
      m3: '"100% sure_thing \\\\ \\"quoted\\""',
      m4: '"100x sure thing"',
      m5: '"Cafe\\u0301 na\u00efve \\ud83c\\udf89"',
      m6: '"a\\u0000b \\ud800 end"',
      m7: '"你好世界 שלום สวัสดี ᚠᛇᚻ 🎉"',
    };
    await write(...Object.entries(texts).map(([id, data], offset) => storedOf(id, { data, offset })));
    const found: Record<string, string[]> = {
      привет: ["m2", "m1"],
      "привет, мир": ["m1"],
      ПРИВЕТ: ["m2", "m1"],
      "100%": ["m3"],
      "%": ["m3"],
      _: ["m3"],
      e_t: ["m3"],
      "\\": ["m3"],
      'say "x"': [],
      '"quoted"': ["m3"],
      CAFÉ: ["m5"],
      "🎉": ["m7", "m5"],
      世界: ["m7"],
      שלום: ["m7"],
      "a\u0000b": ["m6"],
      "\ud800": ["m6"],
      "' OR 1=1 --": [],
    };
    for (const [text, ids] of Object.entries(found))
      expect([text, await search({ text })]).toEqual([text, ids]);
  });

  it.each(NAMES)("takes the name %j for a name", async (name) => {
    const record = storedOf(`id ${name}`, {
      from: name,
      channel: `group:${name}`,
      type: name,
      data: JSON.stringify(name),
    });
    await write(record, storedOf("other"));
    const queries = [{ user: name }, { from: name }, { group: name }, { type: name }, { text: name }];
    for (const query of queries) expect(await search(query)).toEqual([record.id]);
    expect(await search({ to: name })).toEqual([]);
    expect(await search({})).toHaveLength(2);
  });

  it("does not let NUL and lone surrogates keep other records out", async () => {
    const bad = "a\0b\ud800c";
    const record = storedOf("m2", { from: bad, type: bad, data: `"${bad}"`, epoch: bad });
    await write(storedOf("m1"), record, storedOf("m3"));
    const page = await sink.search?.({ limit: 10 });
    expect(page?.messages.map(({ id }) => id)).toEqual(["m3", "m2", "m1"]);
    expect(page?.messages[1]).toMatchObject({ from: "a\ufffdb\ufffdc", type: "a\ufffdb\ufffdc" });
    expect(await search({ from: bad })).toEqual(["m2"]);
  });

  it("refuses a record that it cannot store, and stores the others", async () => {
    const refused: string[] = [];
    const bad = { ...storedOf("bad"), offset: 1.5e300 }; // no whole number of 64 bits
    const drop = {
      kind: "dropped",
      id: "o1",
      timestamp: 2,
      node: "n1",
      channel: "all",
      message: "m1",
      count: 3,
    } as const;
    const records = [storedOf("m1"), bad, drop, storedOf("m2"), { ...bad, id: "bad 2" }];
    await sink.write(records, ({ id }) => refused.push(id));
    if (kind === "PostgreSQL") expect(refused.sort()).toEqual(["bad", "bad 2"]);
    expect((await search({})).filter((id) => !id.startsWith("bad"))).toEqual(["m2", "m1"]);
  });

  it("pages from the newest to the oldest, each message once, within a millisecond too", async () => {
    const records = Array.from({ length: 57 }, (_, index) =>
      storedOf(`m${index}`, { timestamp: 1_000 + Math.floor(index / 20), offset: index }),
    );
    await write(...records);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await sink.search?.({ limit: 10, cursor });
      seen.push(...(page?.messages ?? []).map(({ id }) => id));
      cursor = page?.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(records.map(({ id }) => id).reverse());
  });

  it.each(["x", "W10", "WzEsMl0", "WzEsMiwzXQ", "'", "bnVsbA"])("refuses the cursor %j", async (cursor) => {
    await expect(sink.search?.({ limit: 1, cursor })).rejects.toThrow(
      "cursor: expected the cursor of the page before",
    );
  });

  it("takes messages of 512 KiB, and gives them back in pages that end early", async () => {
    const data = JSON.stringify("Ж".repeat(262_000));
    await write(...Array.from({ length: 5 }, (_, index) => storedOf(`m${index}`, { data, offset: index })));
    const page = await sink.search?.({ limit: 100, text: "жжж" });
    expect(page?.messages.map(({ id }) => id)).toEqual(["m4", "m3"]);
    expect(page?.messages[0]?.data).toBe(data);
    expect(await search({ limit: 100, cursor: page?.cursor })).toEqual(["m2", "m1"]);
  });

  it("deletes the oldest records in steps", async () => {
    const records = Array.from({ length: 2_500 }, (_, index) => storedOf(`m${index}`, { timestamp: index }));
    await write(...records.slice(0, 1_000));
    await write(...records.slice(1_000, 2_000));
    await write(...records.slice(2_000));
    await write({
      kind: "dropped",
      id: "o1",
      timestamp: 2,
      node: "n1",
      channel: "all",
      message: "m2",
      count: 3,
    });
    expect(await sink.expire?.(2_000)).toBe(1_001);
    expect(await sink.expire?.(2_000)).toBe(1_000);
    expect(await sink.expire?.(2_000)).toBe(0);
    expect(await search({ limit: 200, until: 2_050 })).toHaveLength(50);
  });

  it("goes on with the tables that are there, from several nodes at once", async () => {
    await write(storedOf("m1"));
    const others = [sinkOf(target), sinkOf(target), sinkOf(target)];
    await Promise.all(
      others.map(async (other, index) => {
        await other.open?.();
        await other.write([storedOf(`n${index}`)], refuse);
      }),
    );
    expect((await search({})).sort()).toEqual(["m1", "n0", "n1", "n2"]);
    await Promise.all(others.map((other) => other.close?.()));
  });

  it("several nodes make the tables at the same moment", async () => {
    const fresh = (await TARGETS[kind]?.()) ?? "";
    const nodes = [sinkOf(fresh), sinkOf(fresh), sinkOf(fresh), sinkOf(fresh)];
    await Promise.all(
      nodes.map(async (node, index) => {
        await node.open?.();
        await node.write([storedOf(`n${index}`)], refuse);
      }),
    );
    expect((await nodes[0]?.search?.({ limit: 10 }))?.messages).toHaveLength(4);
    await Promise.all(nodes.map((node) => node.close?.()));
  });
});
