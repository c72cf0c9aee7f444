import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Message } from "../../src/backplane/backplane.ts";
import { TidingsError } from "../../src/protocol/protocol.ts";
import type { Incident } from "../../src/why/recorder/recorder.ts";
import { FINDING_CODES, FlightRecorder } from "../../src/why/why.ts";
import { codesIn, readPage, tableAfter } from "../docs/markdown.ts";
import { startHub } from "../support/hub.ts";

const messageTo = (id: string, channel: Message["channel"], extra: Partial<Message> = {}): Message => ({
  ...{ id, channel, type: "n", body: "null", timestamp: 1_000 },
  ...extra,
});

const met = { connections: 1, dropped: 0 };

describe("the flight recorder", () => {
  it("remembers the last messages, as they were", async () => {
    const recorder = new FlightRecorder(4, () => 0);
    const extra = { from: "älice 🦊", platforms: ["ios", "web"], except: ["c1"], offset: 7, epoch: "e" };
    recorder.delivered(messageTo("m1", "group:team", extra), { connections: 3, dropped: 2 });
    recorder.delivered(messageTo("m2", "user:bob"), met);
    expect(await recorder.message("m1")).toEqual({
      ...{ id: "m1", channel: "group:team", from: "älice 🦊", timestamp: 1_000, offset: 7 },
      ...{ connections: 3, dropped: 2, platforms: ["ios", "web"], except: ["c1"] },
    });
    expect(await recorder.message("m2")).toMatchObject({
      channel: "user:bob",
      offset: undefined,
      except: undefined,
    });
    expect((await recorder.latest(["user:bob", "group:team"], 9)).map(({ id }) => id)).toEqual(["m2", "m1"]);
    expect((await recorder.latest(["user:bob", "group:team"], 1)).map(({ id }) => id)).toEqual(["m2"]);
  });

  it("forgets the oldest ones, and never grows", async () => {
    const recorder = new FlightRecorder(64, () => 0);
    const { bytes } = recorder;
    for (let n = 1; n <= 1_000; n++) recorder.delivered(messageTo(`m${n}`, "all", { timestamp: n }), met);
    expect(recorder.since).toBe(1_000 - 64 + 1);
    expect(await recorder.message("m936")).toBeUndefined();
    expect((await recorder.message("m937"))?.id).toBe("m937");
    // Long names cost others their place.
    const long = "g".repeat(255);
    for (let n = 1; n <= 64; n++) recorder.delivered(messageTo(`l${n}`, `group:${long}`), met);
    expect((await recorder.message("l64"))?.channel).toBe(`group:${long}`);
    expect(await recorder.message("l1")).toBeUndefined();
    expect(recorder.bytes).toBe(bytes);
  });

  describe("in a busy time", () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ["performance"] });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    const deliver = (
      recorder: FlightRecorder,
      from: number,
      to: number,
      timestamp = (n: number) => n,
    ): void => {
      for (let n = from; n <= to; n++)
        recorder.delivered(messageTo(`m${n}`, "all", { timestamp: timestamp(n) }), met);
    };

    it("records 10,000 messages a second, and says from when on it has every message", async () => {
      const recorder = new FlightRecorder(32_768, () => 0);
      deliver(recorder, 1, 10_000);
      expect(recorder.since).toBe(1);
      deliver(recorder, 10_001, 12_000);
      expect((await recorder.message("m10000"))?.id).toBe("m10000");
      expect(await recorder.message("m10001")).toBeUndefined();
      expect(recorder.since).toBe(12_001);

      vi.advanceTimersByTime(100); // a tenth of a second's allowance
      deliver(recorder, 20_001, 22_000);
      expect(await recorder.message("m20001")).toBeDefined();
      expect(await recorder.message("m21000")).toBeDefined();
      expect(await recorder.message("m21001")).toBeUndefined();
    });

    it.each([10_000, 10_001, 10_030])(
      "skips nothing after a pause, when %d messages came before it",
      async (count) => {
        const recorder = new FlightRecorder(32_768, () => 0);
        deliver(recorder, 1, count, () => 1_000);
        vi.advanceTimersByTime(1);
        deliver(recorder, 20_001, 20_010, () => 1_001);
        expect(await recorder.message("m20001")).toBeDefined();
        expect(await recorder.message("m20010")).toBeDefined();
      },
    );

    it("takes the newest of the skipped messages, whatever their order", () => {
      const recorder = new FlightRecorder(32_768, () => 0);
      deliver(recorder, 1, 10_000, () => 900);
      deliver(recorder, 10_001, 10_001, () => 1_000);
      deliver(recorder, 10_002, 10_002, () => 990);
      expect(recorder.since).toBe(1_001);
    });
  });

  it("reads a text that lies across the end of its memory", async () => {
    const recorder = new FlightRecorder(2, () => 0);
    for (let n = 100; n < 300; n++) {
      recorder.delivered(messageTo(`m${n}`, `group:g${n}`, { from: "alice" }), met);
      expect(await recorder.message(`m${n}`)).toMatchObject({ channel: `group:g${n}`, from: "alice" });
    }
  });

  it("has the memory that docs/WHY.md names, by default", () => {
    expect(new FlightRecorder(32_768, () => 0).bytes).toBeLessThanOrEqual(10 * 1_048_576);
  });

  describe("that is asked while it records", () => {
    const RECORDS = 16_384;

    /** Joins of users, each in a group of the same number; the names of the later ones are longer. */
    function join(recorder: FlightRecorder, from: number, to: number, name = "g"): void {
      const bob = { id: "c1", platform: "web", device: "web", node: "n1", connectedAt: 1 };
      for (let n = from; n < to; n++)
        recorder.moved("joined", { ...bob, user: `u${n}` }, `group:${name}-${n}`);
    }

    const ask = (recorder: FlightRecorder): Promise<Incident[]> =>
      recorder.incidents(Number.POSITIVE_INFINITY, ({ kind }) => kind);

    it("answers in turns, with what it had at the moment of the question", async () => {
      const recorder = new FlightRecorder(4 * RECORDS, () => 0);
      join(recorder, 0, 3 * RECORDS);
      let turns = 0;
      const turn = (): void => {
        turns++;
        join(recorder, 3 * RECORDS + turns, 3 * RECORDS + turns + 1, "later");
        next = setImmediate(turn);
      };
      let next = setImmediate(turn);
      const users = (await ask(recorder)).map(({ user }) => user);
      clearImmediate(next);
      expect(turns).toBeGreaterThanOrEqual(3);
      // What came in the turns has overwritten as many of the oldest, but for the last turn at most.
      expect(users).toEqual(Array.from(users, (_, index) => `u${3 * RECORDS - 1 - index}`));
      expect(users.length).toBeGreaterThanOrEqual(RECORDS - turns);
      expect(users.length).toBeLessThan(RECORDS);
    });

    it.each([
      ["their records", "g"],
      ["their texts alone", "a-name-so-long-that-it-takes-the-place-of-many-texts".repeat(4)],
    ])("gives no record that is half overwritten: newer ones take the place of %s", async (_, name) => {
      const recorder = new FlightRecorder(4 * RECORDS, () => 0);
      join(recorder, 0, RECORDS);
      setImmediate(() => join(recorder, RECORDS, RECORDS + 6_000, name));
      const found = await ask(recorder);
      const groups = found.map(({ user, channel }) => [user, channel]);
      expect(groups).toEqual(
        Array.from(groups, (_, index) => {
          const n = RECORDS - 1 - index;
          return [`u${n}`, `group:g-${n}`];
        }),
      );
      expect(groups.length).toBeGreaterThan(0);
      expect(groups.length).toBeLessThanOrEqual(RECORDS - 6_000);
    });
  });

  it("records a message that met nobody once, where it was published", async () => {
    const recorder = new FlightRecorder(8, () => 0);
    recorder.published(messageTo("m1", "user:bob"), { connections: 0, state: "stored", offset: 3 });
    recorder.published(messageTo("m2", "user:bob"), { connections: 2, state: "delivered" });
    recorder.published(messageTo("m3", "user:bob"), { connections: 0, state: "dropped" });
    expect((await recorder.latest(["user:bob"], 9)).map(({ id, offset }) => [id, offset])).toEqual([
      ["m1", 3],
    ]);
  });

  it("knows that a queue has refused a message whose publisher counted nobody", async () => {
    const recorder = new FlightRecorder(8, () => 0);
    const message = messageTo("m1", "user:bob");
    recorder.delivered(message, { connections: 0, dropped: 1 });
    recorder.published(message, { connections: 0, state: "stored", offset: 3 });
    recorder.published(messageTo("m2", "user:bob"), { connections: 0, state: "stored", offset: 4 });
    expect(await recorder.message("m1")).toMatchObject({ connections: 0, dropped: 1 });
    expect(await recorder.message("m2")).toMatchObject({ connections: 0, dropped: 0, offset: 4 });
  });

  it("counts equal incidents of a moment in one record, so that one client pushes out no others", async () => {
    let now = 5_000;
    const recorder = new FlightRecorder(64, () => now);
    const bob = { id: "c1", user: "bob", platform: "web", device: "web", node: "n1", connectedAt: 1 };
    recorder.denied({ ...bob, user: "carol", id: "c2" }, "join", "group:team");
    for (let n = 0; n < 1_000; n++) recorder.denied(bob, "join", "group:team");
    now += 10_000;
    recorder.denied(bob, "join", "group:team");
    const all = await recorder.incidents(9, ({ kind }) => kind);
    expect(all.map(({ user, at, count }) => [user, at, count])).toEqual([
      ["bob", 15_000, 1],
      ["bob", 5_000, 1_000],
      ["carol", 5_000, 1],
    ]);
  });

  it("counts what one client gets beyond 32 records within a second, so that it pushes out no others", async () => {
    let now = 5_000;
    const recorder = new FlightRecorder(1_024, () => now);
    const bob = { id: "c1", user: "bob", platform: "web", device: "web", node: "n1", connectedAt: 1 };
    recorder.denied({ ...bob, user: "carol", id: "c2" }, "join", "group:team");
    for (let n = 0; n < 1_000; n++) recorder.denied(bob, "join", `group:${n}`);
    for (let n = 0; n < 1_000; n++) recorder.turnedAway("unauthorized", `${n}`, "::1");
    for (let n = 0; n < 1_000; n++)
      recorder.failed(`group:${n}`, new TidingsError("unavailable", "no Redis"));
    const all = await recorder.incidents(99, (each) => `${each.kind} ${each.is("user", "carol")}`);
    const sums = Object.entries(Object.groupBy(all, ({ kind, user }) => `${kind} ${user}`)).map(
      ([key, each = []]) => [key, each.length, each.reduce((sum, { count }) => sum + count, 0)],
    );
    expect(sums.sort()).toEqual([
      ["denied bob", 32, 1_000],
      ["denied carol", 1, 1],
      ["failed undefined", 32, 1_000],
      ["turned_away undefined", 1, 1_000],
    ]);
    now += 1_000;
    recorder.denied(bob, "join", "group:later");
    const [last] = await recorder.incidents(1, ({ kind }) => kind);
    expect(last).toMatchObject({ channel: "group:later", count: 1 });
  });

  it("stands in docs/WHY.md with every code of a finding", () => {
    const table = tableAfter(readPage("docs/WHY.md"), "# Why did a message not arrive?");
    expect(table.map(([code]) => codesIn(code)[0])).toEqual([...FINDING_CODES]);
  });

  it("is off with `recorder.messages` 0: nothing is recorded, and no hook is taken", async () => {
    const { hub } = await startHub({ recorder: { messages: 0 } });
    const { id } = await hub.user("bob").send({ type: "n", ephemeral: true });
    const { nodes, findings } = await hub.why({ message: id });
    expect(nodes).toEqual([{ node: hub.node, recording: false }]);
    expect(findings.map(({ code }) => code)).toEqual(["unknown_message", "not_recorded"]);
  });
});
