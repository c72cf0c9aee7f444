import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Positions } from "../../src/loadtest/clients/positions.ts";
import { Series } from "../../src/loadtest/measure/series.ts";
import { brokenBounds } from "../../src/loadtest/run/verdict.ts";
import { readFigures } from "../../src/loadtest/server/metrics.ts";
import { clientText, FrameReader } from "../../src/loadtest/socket/frames.ts";
import { Schedule } from "../../src/loadtest/worker/schedule.ts";
import { resultFor } from "./results.ts";

const told = (offset: number, more: object = {}) => ({ epoch: "e", offset, recovered: true, ...more });

describe("the position of a client", () => {
  it("takes each offset once and in order, and asks once for what was dropped", () => {
    const positions = new Positions();
    expect(positions.told(told(4))).toBe(true);
    expect([5, 6, 6].map((offset) => positions.message(offset))).toEqual(["take", "take", "repeat"]);
    expect(positions.ask()).toBeUndefined();
    expect(positions.message(9)).toBe("wait");
    expect(positions.ask()).toEqual({ epoch: "e", offset: 6 });
    expect(positions.ask()).toBeUndefined();
    expect(positions.message(10)).toBe("wait");
    for (const offset of [7, 8, 9]) expect(positions.message(offset)).toBe("take");
    positions.answered();
    expect(positions.ask()).toEqual({ epoch: "e", offset: 9 });
    expect(positions.message(10)).toBe("take");
    positions.answered();
    expect(positions.ask()).toBeUndefined();
  });

  it("moves over one offset that was for others, and takes more of them, or a drop, for a hole", () => {
    for (const [frame, isHole] of [
      [told(5), false],
      [told(6), true],
      [told(5, { missed: true }), true],
      [told(9, { missed: false }), false],
    ] as const) {
      const positions = new Positions();
      positions.told(told(4));
      expect(positions.told(frame)).toBe(true);
      expect(positions.ask() !== undefined).toBe(isHole);
    }
  });

  it("knows a loss, and that the first position is none", () => {
    const positions = new Positions();
    expect(positions.told(told(4, { recovered: false }))).toBe(true);
    expect(positions.told(told(1, { epoch: "f", recovered: false }))).toBe(false);
    expect(positions.message(2)).toBe("take");
  });
});

describe("the schedule", () => {
  it("plans at a steady rate, and catches up with what it is late for", async () => {
    const planned: number[] = [];
    let time = 0;
    const options = { now: () => time, fromUs: 0, perSecond: 1_000, count: 40 };
    const schedule = new Schedule({ ...options, onDue: (_, plannedUs) => planned.push(plannedUs) });
    expect(planned).toEqual([0]);
    time = 30_500; // a pause of 30 ms
    await turn();
    while (planned.length < 31) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(planned).toEqual(Array.from({ length: 31 }, (_, index) => index * 1_000));
    time = 1e6;
    await schedule.done;
    expect(planned).toHaveLength(40);
  });

  it("ends at once when it is stopped", async () => {
    const schedule = new Schedule({ now: () => 0, fromUs: 1e9, perSecond: 1, count: 5, onDue: () => {} });
    schedule.stop();
    await schedule.done;
  });
});

/** A server's frame. */
function frame(head: number, payload: Buffer): Buffer {
  const short = payload.length < 126;
  const header = Buffer.from(
    short ? [head, payload.length] : [head, 126, payload.length >> 8, payload.length & 255],
  );
  return Buffer.concat([header, payload]);
}

function readAll(chunks: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const reader = new FrameReader({
    text: (text) => seen.push(text.length > 50 ? `${text.length} characters` : text),
    ping: (payload) => seen.push(`ping ${payload}`),
    close: (code, reason) => seen.push(`close ${code} ${reason}`),
  });
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return seen;
}

describe("the frame reader", () => {
  const bytes = Buffer.concat([
    frame(0x81, Buffer.from("one")),
    frame(0x01, Buffer.from("t")),
    frame(0x89, Buffer.from("!")),
    frame(0x00, Buffer.from("w")),
    frame(0x80, Buffer.from("o ü")),
    frame(0x82, Buffer.from("binary")),
    frame(0x81, Buffer.alloc(3_000, "x")),
    frame(0x8a, Buffer.alloc(0)),
    frame(0x88, Buffer.from([0x0f, 0xa0, 0x62, 0x79])),
  ]);
  const EXPECTED = ["one", "ping !", "two ü", "binary", "3000 characters", "close 4000 by"];

  it("reads whole, fragmented, binary and control frames, however the bytes are cut", () => {
    expect(readAll([bytes])).toEqual(EXPECTED);
    expect(readAll([...bytes].map((byte) => Buffer.from([byte])))).toEqual(EXPECTED);
  });

  it("refuses what a server must not send", () => {
    expect(() => readAll([clientText("masked")])).toThrow("masked");
    expect(() => readAll([frame(0xc1, Buffer.from("x"))])).toThrow("extension");
    expect(() => readAll([frame(0x83, Buffer.from("x"))])).toThrow("opcode 3");
  });
});

describe("the metrics of a server", () => {
  it("are read by name, series added up, and what is not there is missing", () => {
    const page = [
      "# HELP process_cpu_seconds_total x",
      "process_cpu_seconds_total 1.5",
      'nodejs_gc_duration_seconds_count{kind="major"} 2',
      'nodejs_gc_duration_seconds_count{kind="minor"} 40 1700000000000',
      "process_open_fds NaN",
      'tidings_connections{app="a } b"} 7',
    ].join("\n");
    expect(readFigures(page)).toEqual({ cpuSeconds: 1.5, gcCount: 42, connections: 7 });
  });
});

describe("the course of a long run", () => {
  it("keeps a bounded number of points, without losing a message", () => {
    const series = new Series();
    for (let index = 0; index < 5_000; index++)
      series.add({ atMs: index, lengthMs: 1, open: 1, sent: 1, received: 2, max: index % 7 });
    const points = series.points();
    expect(points.length).toBeLessThanOrEqual(600);
    expect(points.reduce((sum, { received }) => sum + received, 0)).toBe(10_000);
    expect(points.reduce((sum, { lengthMs }) => sum + lengthMs, 0)).toBe(5_000);
    expect(points.every(({ max }) => max === 6)).toBe(true);
  });
});

describe("the bounds", () => {
  it("are broken only by what is above them", () => {
    const result = resultFor({ latency: { p99: 12, p999: 30 } });
    expect(brokenBounds(result, { maxP99: 12, maxP999: 30, maxConnectP99: 5 })).toEqual([]);
    expect(brokenBounds(result, { maxP99: 11.9, maxP999: 29 })).toEqual([
      "p99 of the latency is 12.00 ms, above 11.9 ms",
      "p99.9 of the latency is 30.00 ms, above 29 ms",
    ]);
  });
});
