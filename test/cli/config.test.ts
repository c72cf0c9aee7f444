import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CONFIG_KEYS } from "../../src/config/config.ts";
import { tidings } from "./run.ts";

describe("tidings config", () => {
  it("prints every key with its value and source", async () => {
    const { code, stdout } = await tidings(["config", "--port", "9000"], { LOG_LEVEL: "debug" });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^KEY +VALUE +SOURCE$/m);
    expect(stdout).toMatch(/^port +9000 +flag --port$/m);
    expect(stdout).toMatch(/^logLevel +debug +environment LOG_LEVEL$/m);
    expect(stdout).toMatch(/^websocket\.shardCount +16 +default$/m);
    for (const { path } of CONFIG_KEYS) expect(stdout).toContain(`${path} `);
  });

  it("masks secrets", async () => {
    const env = {
      JWT_SECRET: "hunter2".repeat(5),
      API_KEY: "hunter2".repeat(5),
      REDIS_URL: "redis://app:hunter2@cache",
    };
    for (const args of [["config"], ["config", "--json"]]) {
      const { code, stdout } = await tidings(args, env);
      expect(code).toBe(0);
      expect(stdout).not.toContain("hunter2");
      expect(stdout).toContain("redis://app:***@cache");
    }
  });

  it("prints JSON", async () => {
    const args = [
      "config",
      "--json",
      "--websocket-compression-level",
      "-2",
      "--websocket-enable-compression",
    ];
    const { config, sources } = JSON.parse((await tidings(args)).stdout);
    expect(config.websocket).toMatchObject({ compressionLevel: -2, enableCompression: true });
    expect(sources["websocket.compressionLevel"]).toBe("flag --websocket-compression-level");
    expect(Object.keys(sources)).toHaveLength(CONFIG_KEYS.length);
  });

  it("reads the file that --config names", async () => {
    const directory = mkdtempSync(join(tmpdir(), "tidings-cli-"));
    const file = join(directory, "tidings.yaml");
    writeFileSync(file, "port: 9000\nwebsocket:\n  shardCount: 4\n");
    const { stdout } = await tidings(["config", "--config", file, "--websocket-shard-count=8"]);
    rmSync(directory, { recursive: true });
    expect(stdout).toContain(`${file}: port`);
    expect(stdout).toMatch(/^websocket\.shardCount +8 +flag --websocket-shard-count$/m);
  });
});

describe("invalid settings", () => {
  it("reports all invalid values in one error", async () => {
    const env = { PORT: "eighty", WEBSOCKET_SHARD_COUNT: "0" };
    const { code, stdout, stderr } = await tidings(["serve", "--log-level", "loud"], env);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      [
        "error: 3 settings are not valid:",
        '- environment PORT: expected a whole number from 0 to 65535, got "eighty"',
        '- flag --log-level: expected one of silent, fatal, error, warn, info, debug, trace, got "loud"',
        '- environment WEBSOCKET_SHARD_COUNT: expected a whole number from 1 to 4096, got "0"\n',
      ].join("\n"),
    );
  });

  it("reports unknown flags in the same error", async () => {
    const { code, stderr } = await tidings(["serve", "--prot", "1", "--port=x", "--websocket-shards=2"]);
    expect(code).toBe(1);
    expect(stderr).toContain("- flag --prot: unknown, did you mean --port?");
    expect(stderr).toContain('- flag --port: expected a whole number from 0 to 65535, got "x"');
    expect(stderr).toContain("- flag --websocket-shards: unknown, did you mean");
  });

  it("refuses arguments that belong to no flag", async () => {
    const { code, stderr } = await tidings(["serve", "now"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "error: expected flags only, got an argument without a flag\n",
    });
  });

  it("prints the error as JSON with --json", async () => {
    const { code, stderr } = await tidings(["config", "--json", "--port", "x"]);
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "bad_request" } });
  });
});

describe("help", () => {
  it("lists every command", async () => {
    const { code, stdout } = await tidings(["--help"]);
    expect(code).toBe(0);
    for (const name of ["serve", "token", "config", "send", "broadcast", "kick", "users", "nodes"]) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    }
  });

  it("of serve lists every setting and its variable", async () => {
    const { stdout } = await tidings(["serve", "--help"]);
    for (const { flag, env } of CONFIG_KEYS) {
      expect(stdout).toContain(`--${flag} `);
      expect(stdout).toContain(env);
    }
  });

  it("suggests a command for an unknown one", async () => {
    const { code, stderr } = await tidings(["sned"]);
    expect(code).toBe(1);
    expect(stderr).toContain("Did you mean send?");
  });
});
