import { describe, expect, it } from "vitest";
import { drawPage } from "../../src/loadtest/report/html.ts";
import { formatProgress } from "../../src/loadtest/report/progress.ts";
import { formatResult } from "../../src/loadtest/report/text.ts";
import { reportFor, resultFor } from "./results.ts";

const POINT = { lengthMs: 1_000, open: 10, sent: 50, received: 50, p50: 1, p99: 2, max: 9 };
const SAMPLE = { cpuSeconds: 1, rssBytes: 100 * 1024 * 1024, connections: 0 };

const RESULT = resultFor(
  { latency: { count: 100, p50: 1.234, p99: 2.5, p999: 8, max: 9 } },
  {
    series: [
      { ...POINT, atMs: 1_000 },
      { ...POINT, atMs: 2_000 },
    ],
    curve: [
      [0, 0.5],
      [0.5, 1.2],
      [0.99, 2.5],
    ],
    connections: {
      ...{ wanted: 10, opened: 9, rampMs: 50, nodes: {}, ends: {} },
      refusals: { 'HTTP 503: <script>alert("x")</script>\u001b[31m': 1 },
    },
    servers: [
      {
        url: "http://127.0.0.1:8080",
        before: { atMs: 0, ...SAMPLE },
        connected: { atMs: 900, ...SAMPLE, rssBytes: SAMPLE.rssBytes + 10_240 * 10, cpuSeconds: 1.2 },
        most: SAMPLE,
        cpuPercent: 42,
        bytesPerConnection: 10_240,
        samples: [
          { atMs: 0, ...SAMPLE },
          { atMs: 1_000, ...SAMPLE },
          { atMs: 2_000, ...SAMPLE },
        ],
      },
    ],
    faults: ["1 connections did not open (HTTP 503: \u001b[31m)"],
  },
);

describe("the report", () => {
  it("has the same figures in the terminal and on the page", () => {
    const [text, page] = [formatResult(RESULT), drawPage(reportFor([RESULT]))];
    for (const figure of [
      "9 of 10",
      "1.23 ms",
      "100 of 100",
      "not exposed",
      "42 %",
      "1 connections did not open",
    ]) {
      expect(text).toContain(figure);
      expect(page).toContain(figure);
    }
    expect(text).toContain("FAILED");
    expect(text).not.toContain("\u001b");
    expect(formatResult(resultFor())).toContain("passed");
    expect(formatResult({ ...RESULT, scenario: "idle" })).toContain("memory of a connection: 10 KiB");
  });

  it("is one page that asks nobody for anything and runs no words of a server", () => {
    const page = drawPage(reportFor([RESULT]));
    expect(page).not.toContain("<script");
    expect(page).toContain("&lt;script&gt;");
    expect(page).toContain("default-src 'none'");
    expect(page.match(/<(?:img|link|iframe|object)\b|\bsrc=|@import|url\(/g)).toBeNull();
    expect(page).toContain("prefers-color-scheme: dark");
    expect(page.match(/<figure>/g)).toHaveLength(6);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("draws a run without messages, points and figures", () => {
    const page = drawPage(
      reportFor([
        resultFor({}, { servers: [{ url: "http://x", problem: "no <metrics>", most: {}, samples: [] }] }),
      ]),
    );
    expect(page).toContain("no &lt;metrics&gt;");
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe("the line of live figures", () => {
  it("shows the bar, the connections, and what is wrong", () => {
    const progress = {
      share: 0.5,
      open: 5,
      wanted: 10,
      sentRate: 0,
      receivedRate: 0,
      failed: 0,
      problems: 0,
    };
    expect(formatProgress("chat", { ...progress, phase: "connecting" })).toBe(
      "chat ██████████░░░░░░░░░░ connecting  5/10 open",
    );
    const busy = {
      ...progress,
      phase: "sending" as const,
      sentRate: 1_234,
      receivedRate: 99.5,
      p50: 0.4,
      p99: 12,
      problems: 3,
    };
    expect(formatProgress("chat", busy)).toContain(
      "sent 1,234/s  received 99.5/s  p50 0.4 ms  p99 12 ms  3 problems",
    );
  });
});
