import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { LoadReport } from "../../src/loadtest/result.ts";
import { COMPILED } from "../support/compiled/compiled.ts";
import { end, type Served, serve, tidings } from "./run.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const JWT_SECRET = "a secret of thirty-two bytes or more";
const API_KEY = "an API key of the tests";

let server: Served;
let folder: string;
beforeAll(async () => {
  server = await serve(["--host", "127.0.0.1"], { JWT_SECRET, API_KEY });
  folder = await mkdtemp(join(tmpdir(), "tidings-bench-"));
});
afterAll(async () => {
  await end(server);
  await rm(folder, { recursive: true, force: true });
});

const FEW = ["--connections", "20", "--rate", "100", "--duration", "1s", "--ramp", "200"];

describe("tidings bench", () => {
  it("tests a server by a secret, in several processes, and writes both reports", async () => {
    const [json, html] = [join(folder, "report.json"), join(folder, "report.html")];
    const flags = ["--scenario", "direct,storm", "--workers", "2", "--json", json, "--html", html];
    const { code, stdout, stderr } = await tidings(
      ["bench", server.url, ...FEW, ...flags, "--secret", JWT_SECRET],
      { API_KEY },
    );
    expect({ code, stderr: stderr.match(/error.*/)?.[0] }).toEqual({ code: 0, stderr: undefined });
    expect(stdout).toMatch(/direct: 20 connections, 100 messages\/s for 1 s.*passed.*storm: .*passed/s);
    const report: LoadReport = JSON.parse(await readFile(json, "utf8"));
    expect(report).toMatchObject({ passed: true, targets: [server.url] });
    const [direct, storm] = report.scenarios;
    expect(direct?.totals).toMatchObject({ opened: 20, sent: 100, accepted: 100, received: 100, refused: 0 });
    expect(direct).toMatchObject({ lost: 0, expected: 100, tester: { workers: 2 } });
    expect(direct?.servers[0]?.after?.connections).toBe(20);
    expect(storm?.totals).toMatchObject({ opened: 22, reconnects: 20 });
    const page = await readFile(html, "utf8");
    expect(page).toContain("Latency by percentile");
    for (const text of [JSON.stringify(report), page, stdout, stderr]) expect(text).not.toContain(JWT_SECRET);
  });

  it("takes tokens from a file, and exits with 1 for a bound that is broken", async () => {
    const file = join(folder, "tokens");
    const can = ["--can", "join:group:bench-*", "--can", "send:group:bench-*"];
    const token = (await tidings(["token", "--user", "alice", ...can], { JWT_SECRET })).stdout;
    await writeFile(file, `${token}\n`);
    const flags = ["--scenario", "fanout", "--tokens", file, "--json", "-", "--max-p99", "0", "--no-metrics"];
    const { code, stdout, stderr } = await tidings(["bench", server.url, ...FEW, ...flags]);
    const report: LoadReport = JSON.parse(stdout);
    expect(report.scenarios[0]?.totals).toMatchObject({ opened: 20, sent: 100, received: 2_000 });
    expect(report.scenarios[0]?.faults).toEqual([expect.stringContaining("above 0 ms")]);
    expect(code).toBe(1);
    expect(stderr).toContain("FAILED: p99 of the latency");
  });

  it("says which credentials are missing", async () => {
    const flags = ["--scenario", "connect", "--connections", "2"];
    const { code, stdout } = await tidings(["bench", server.url, ...flags]);
    expect(code).toBe(1);
    expect(stdout).toContain("2 connections did not open (close 4500");
    expect(stdout).toContain("--secret, JWT_SECRET");
  });

  it("refuses what is not on this machine, and what cannot be", async () => {
    for (const [args, why] of [
      [["http://192.0.2.1"], "--i-own-this-server"],
      [[server.url, "--scenario", "dance"], "There is no"],
      [[server.url, "--scenario", "echo"], "needs --raw"],
      [[server.url, "--scenario", "direct", "--token", "a.b.c"], "JSON Web Token"],
      [[server.url, "--duration", "soon"], "Expected a duration"],
    ] as const) {
      const { code, stderr } = await tidings(["bench", ...args]);
      expect(code).toBe(1);
      expect(stderr).toContain(why);
    }
  });

  it("ends at Ctrl+C with the figures until then, and leaves no process", async () => {
    const args = [
      "bench",
      server.url,
      ...FEW.slice(0, 4),
      "--scenario",
      "direct",
      "--duration",
      "10m",
      "--secret",
      JWT_SECRET,
    ];
    const child: ChildProcess = spawn(process.execPath, [MAIN, ...args], {
      env: { PATH: process.env.PATH ?? "", ...COMPILED },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let stdout = "";
    child.stdout?.on("data", (data) => {
      stdout += data;
    });
    let stderr = "";
    await new Promise<void>((resolve) => {
      child.stderr?.on("data", (data) => {
        stderr += data;
        if (/received [1-9]/.test(stderr)) resolve();
      });
    });
    child.kill("SIGINT");
    // It closes when the processes that it started have closed their ends of its output, too.
    expect(await once(child, "close")).toEqual([130, null]);
    expect(stdout).toMatch(/\(interrupted\).*received.*lost\s+0.*passed/s);
  });
});
