import { PassThrough } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { MessageLog, type MessageLogOptions, stdoutSink } from "../../src/log/log.ts";
import { TidingsError } from "../../src/protocol/protocol.ts";
import { eventually } from "../support/eventually.ts";
import { MemorySink, storedOf } from "./support.ts";

const message = (id: string, body = '"Hello"') => ({
  ...{ id, type: "chat", body, timestamp: 1_000, from: "alice", channel: "user:bob" as const },
});
const RECEIPT = { state: "stored", epoch: "e", offset: 1, connections: 0, nodes: 0 } as const;

function open(options: Partial<MessageLogOptions> = {}) {
  const sink = new MemorySink();
  const reported: unknown[] = [];
  const failing: boolean[] = [];
  const log = new MessageLog({
    ...{ sink, node: "n1", limits: { records: 1_000, bytes: 1_000_000 }, ageMs: 0, now: () => 2_000 },
    report: (error) => reported.push(error),
    failing: (isFailing) => failing.push(isFailing),
    ...options,
  });
  onTestFinished(() => log.close(0));
  return { log, sink, reported, failing };
}

describe("a message log", () => {
  it("writes messages and outcomes in their order, in batches", async () => {
    const { log, sink } = open();
    for (let index = 0; index < 500; index++) log.stored(message(`m${index}`), RECEIPT);
    log.dropped(message("m1"), 3);
    log.failed(message("m500"), new TidingsError("unavailable", "Redis is away"));
    log.acknowledged("bob", "phone", "user:bob", 7);
    expect(sink.records).toEqual([]); // nothing happens within the call
    await eventually("all is written", () => sink.records.length === 503);
    expect(sink.writes).toEqual([503]);
    expect(sink.records[0]).toEqual({
      ...{
        kind: "stored",
        id: "m0",
        timestamp: 1_000,
        node: "n1",
        channel: "user:bob",
        from: "alice",
        type: "chat",
      },
      ...{ data: '"Hello"', epoch: "e", offset: 1, state: "stored", connections: 0, nodes: 0 },
    });
    expect(sink.records.slice(500)).toMatchObject([
      { kind: "dropped", timestamp: 2_000, node: "n1", message: "m1", channel: "user:bob", count: 3 },
      {
        kind: "failed",
        message: "m500",
        type: "chat",
        from: "alice",
        code: "unavailable",
        reason: "Redis is away",
      },
      { kind: "acknowledged", user: "bob", device: "phone", channel: "user:bob", offset: 7 },
    ]);
    expect(new Set(sink.records.map(({ id }) => id)).size).toBe(503);
  });

  it("repeats a batch that failed, with the same ids, and reports an outage once", async () => {
    const { log, sink, reported, failing } = open();
    const ids: string[][] = [];
    let failures = 3;
    const { write } = MemorySink.prototype;
    sink.write = async (records, refuse) => {
      ids.push(records.map(({ id }) => id));
      if (failures-- > 0) throw new Error("away");
      await write.call(sink, records, refuse);
    };
    log.stored(message("m1"), RECEIPT);
    log.acknowledged("bob", "phone", "user:bob", 7);
    await eventually("all is written", () => sink.records.length === 2);
    expect(ids).toHaveLength(4);
    expect(new Set(ids.map((each) => each.join())).size).toBe(1);
    expect(reported).toEqual([new Error("away")]);
    expect(failing).toEqual([true, false]);
    expect(log.counts).toMatchObject({ written: 2, failures: 3, dropped: 0 });
  });

  it("counts what a full queue drops, and has a record of the gap", async () => {
    const { log, sink } = open({ limits: { records: 10, bytes: 1_000_000 } });
    const away = Promise.withResolvers<void>();
    sink.before = () => away.promise;
    for (let index = 0; index < 25; index++)
      log.stored({ ...message(`m${index}`), timestamp: 1_000 + index }, RECEIPT);
    expect(log.counts).toMatchObject({ waiting: 10, dropped: 15 });
    away.resolve();
    await eventually("the gap is written", () => sink.outcomes("gap").length === 1);
    expect(sink.stored.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, index) => `m${index}`));
    expect(sink.outcomes("gap")).toMatchObject([{ count: 15, since: 1_010, until: 1_024, node: "n1" }]);
    log.stored(message("later"), RECEIPT);
    await eventually("the next one is written", () => sink.stored.at(-1)?.id === "later");
    expect(log.counts).toMatchObject({ waiting: 0, waitingBytes: 0, written: 12, dropped: 15 });
  });

  it("bounds the bytes that wait", async () => {
    const { log } = open({ limits: { records: 1_000, bytes: 10_000 } });
    for (let index = 0; index < 20; index++) log.stored(message(`m${index}`, "x".repeat(1_000)), RECEIPT);
    expect(log.counts).toMatchObject({ waiting: 8, dropped: 12 }); // the first one over the limit is taken
  });

  it("splits what waits into batches by their bytes", async () => {
    const { log, sink } = open({ limits: { records: 1_000, bytes: 10_000_000 } });
    for (let index = 0; index < 8; index++) log.stored(message(`m${index}`, "x".repeat(524_288)), RECEIPT);
    await eventually("all is written", () => sink.records.length === 8);
    expect(sink.writes.every((records) => records <= 3)).toBe(true);
  });

  it("writes the other records when the sink refuses one, and a gap in its place", async () => {
    const { log, sink, reported } = open();
    sink.isBad = ({ id }) => id === "m3";
    for (let index = 0; index < 10; index++) log.stored(message(`m${index}`), RECEIPT);
    await eventually("the gap is written", () => sink.outcomes("gap").length === 1);
    expect(sink.stored).toHaveLength(9);
    expect(sink.outcomes("gap")).toMatchObject([{ count: 1, since: 1_000, until: 1_000, reason: "bad" }]);
    expect(log.counts).toMatchObject({ refused: 1, written: 10 });
    expect(reported).toHaveLength(1);
  });

  it("a sink that refuses gaps too is not asked for ever", async () => {
    const { log, sink } = open();
    sink.isBad = () => true;
    log.stored(message("m0"), RECEIPT);
    await eventually("both are refused", () => log.counts.refused === 2);
    expect(log.counts.waiting).toBe(0);
  });

  it("writes what waits when it is closed", async () => {
    const { log, sink } = open();
    for (let index = 0; index < 2_500; index++) log.stored(message(`m${index}`), RECEIPT);
    await log.close(10_000);
    expect(sink.stored).toHaveLength(1_000);
  });

  it("is closed in time by a sink that hangs, and reports what is lost", async () => {
    const { log, sink, reported } = open();
    sink.before = () => new Promise(() => undefined);
    log.stored(message("m0"), RECEIPT);
    await log.close(50);
    expect(reported.map(String)).toEqual([
      "TidingsError: message log: 1 records were not written within 50 ms, and are lost",
    ]);
  });

  it("is closed in time by a sink that fails", async () => {
    const { log, sink, reported } = open();
    sink.before = () => Promise.reject(new Error("away"));
    log.stored(message("m0"), RECEIPT);
    await log.close(300);
    expect(String(reported.at(-1))).toContain("1 records were not written");
  });

  it("refuses an age where the sink cannot delete", () => {
    expect(() => open({ ageMs: 1_000 })).toThrow("messageLogLimits.ageMs: this message log cannot delete");
  });

  it("deletes records over their age, in steps until none is left", async () => {
    const steps: number[] = [];
    const sink = Object.assign(new MemorySink(), {
      expire: async (before: number) => {
        steps.push(before);
        return steps.length < 3 ? 1_000 : 0;
      },
    });
    const { log } = open({ sink, ageMs: 500 });
    await log.open();
    await eventually("nothing is left to delete", () => steps.length >= 3);
    expect(steps.slice(0, 3)).toEqual([1_500, 1_500, 1_500]);
  });
});

describe("standard output as a message log", () => {
  it("has one line for each record, whatever line breaks the data has between its parts", async () => {
    const stream = new PassThrough();
    const sink = stdoutSink(stream);
    await sink.write(
      [
        storedOf("m1", { data: '{"a":1.10,\r\n "b":"\\n"}' }),
        { kind: "gap", id: "o1", timestamp: 5, node: "n1", count: 2, since: 1, until: 5, reason: "full" },
      ],
      () => undefined,
    );
    const lines = String(stream.read()).trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('"data":{"a":1.10,   "b":"\\n"}}');
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      messageLog: "stored",
      id: "m1",
      data: { a: 1.1, b: "\n" },
    });
    expect(JSON.parse(lines[1] ?? "")).toMatchObject({ messageLog: "gap", count: 2 });
  });

  it("fails a write when the stream fails, and does not end the process", async () => {
    const stream = new PassThrough();
    const sink = stdoutSink(stream);
    await sink.open?.();
    stream.destroy(new Error("EPIPE"));
    await expect(sink.write([storedOf("m1")], () => undefined)).rejects.toThrow();
  });
});
