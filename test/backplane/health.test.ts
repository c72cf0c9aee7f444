import { Writable } from "node:stream";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { createHealth } from "../../src/backplane/backplane.ts";
import { healthLog } from "../../src/hub-log.ts";

/** A log whose lines are kept. */
function recordedLog() {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  return { lines, log: pino({ base: null, timestamp: false }, stream) };
}

describe("a degraded part", () => {
  it("is known with its first time until it is restored", () => {
    const health = createHealth();
    health.degrade("clock", "2 s ahead of Redis");
    const [first] = health.degraded;
    health.degrade("redis settings", "Redis saves nothing to disk");
    health.degrade("clock", "3 s ahead of Redis");
    expect(health.degraded).toEqual([
      { what: "clock", why: "3 s ahead of Redis", since: first?.since },
      { what: "redis settings", why: "Redis saves nothing to disk", since: expect.any(Number) },
    ]);
    health.restore("clock");
    health.restore("clock");
    expect(health.degraded.map(({ what }) => what)).toEqual(["redis settings"]);
  });

  it("is logged once for each reason, and once when it is restored", () => {
    const { lines, log } = recordedLog();
    const health = createHealth();
    health.watch(healthLog(log));
    for (const why of ["one", "one", "two"]) health.degrade("node settings", why);
    for (let time = 0; time < 2; time++) health.restore("node settings");
    expect(lines).toMatchObject([
      { level: 40, what: "node settings", why: "one" },
      { level: 40, what: "node settings", why: "two" },
      { level: 30, what: "node settings", why: "two" },
    ]);
  });
});
