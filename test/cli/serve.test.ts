import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { Peer } from "../support/peer.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { end, launch, type Served, serve, tidings } from "./run.ts";

const secret = "a secret of thirty-two bytes or more";

let server: Served | undefined;
afterEach(async () => {
  await end(server);
  server = undefined;
});

describe("tidings serve", () => {
  it("needs no settings: it serves this machine and prints a complete URL", async () => {
    server = await serve();
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const peer = await Peer.connect(`${server.socketUrl}?user_id=alice&platform=web`);
    expect(await peer.frame("welcome")).toMatchObject({ user: "alice", platform: "web" });
    peer.end();
    server.signal("SIGTERM");
    const { stdout, stderr } = await server.ended;
    expect(stdout).toBe("");
    expect(stderr).toContain("Development mode");
    expect(stderr).toContain(`${server.socketUrl}?user_id=alice&platform=web`);
    expect(stderr).toContain(`pages      ${server.url}/\n`);
  });

  it("prints one line of JSON with --json", async () => {
    server = await serve(["--json", "--node-id", "n1"]);
    const { hostname, port } = new URL(server.url);
    expect(JSON.parse(server.line)).toEqual({
      event: "listening",
      host: hostname,
      port: Number(port),
      url: server.url,
      node: "n1",
      development: true,
    });
  });

  it("accepts with a secret only tokens of `tidings token`", async () => {
    const env = { JWT_SECRET: secret };
    server = await serve(["--host", "127.0.0.1"], env);
    const token = (await tidings(["token", "--user", "alice"], env)).stdout.trim();
    const peer = await Peer.connect(`${server.socketUrl}?token=${token}`);
    expect(await peer.frame("welcome")).toMatchObject({ user: "alice", expiresAt: expect.any(Number) });
    peer.end();
    for (const wrong of [`x${token}`, `${token}x`]) {
      expect(await new Peer(`${server.socketUrl}?token=${wrong}`).closed).toMatchObject({ code: 4500 });
    }
    server.signal("SIGTERM");
    const { stdout, stderr } = await server.ended;
    expect(stdout + stderr).not.toContain("Development mode");
    expect(stdout + stderr).not.toContain(secret);
  });

  it("refuses a short secret and a short API key without printing them", async () => {
    const env = { JWT_SECRET: "hunter2", API_KEY: "hunter2" };
    const { code, stdout, stderr } = await tidings(["serve", "--port", "0"], env);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("jwt.secret: expected at least 32 bytes");
    expect(stderr).toContain("apiKey: expected at least 16 characters (or security.allowWeakKeys)");
    expect(stderr).not.toContain("hunter2");
  });

  it("warns about a short secret that is allowed", async () => {
    const env = { JWT_SECRET: "hunter2", SECURITY_ALLOW_WEAK_KEYS: "1" };
    server = await serve(["--host", "127.0.0.1"], env);
    server.signal("SIGTERM");
    const { stdout, stderr } = await server.ended;
    expect(stderr).toContain("warning: JWT_SECRET is shorter than 32 bytes");
    expect(stdout + stderr).not.toContain("hunter2");
  });

  it("refuses to serve other machines without a secret", async () => {
    const { code, stdout, stderr } = await tidings(["serve", "--host", "0.0.0.0", "--port", "0"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^error: refusing to listen on 0\.0\.0\.0 without authentication: set jwt\.secret \(JWT_SECRET\)/,
    );
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it.each([
    [{ NODE_ENV: "production" }, "NODE_ENV is production, and nothing verifies who clients are"],
    [{ JWT_SECRET: "" }, "jwt: expected a value for one of secret, publicKey and jwksUrl, got none"],
  ])("refuses to start with %j, with and without workers", async (env, words) => {
    const redis = ["--redis", "redis://127.0.0.1:1", "--workers", "2"];
    for (const more of [[], redis]) {
      const { code, stdout, stderr } = await tidings(["serve", "--port", "0", ...more], env);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toContain(words);
    }
  });

  it("logs a warning in development mode", async () => {
    server = await serve(["--log-level", "warn"]);
    expect(JSON.parse(server.printed[0] ?? "")).toMatchObject({
      level: 40,
      msg: expect.stringContaining("development mode"),
    });
  });

  it("reports a port in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo; // it listens on a port
    const { code, stderr } = await tidings(["serve", "--port", String(port)]);
    other.close();
    expect(code).toBe(1);
    const problem = "another program listens there: end it, or choose another port (--port, PORT)";
    expect(stderr).toBe(`error: cannot listen on 127.0.0.1:${port}: ${problem}\n`);
  });
});

describe("tidings serve without a reachable Redis", () => {
  it("logs that it waits, and exits gracefully at a signal", async () => {
    const redis = await RedisServer.start();
    await redis.kill();
    const waiting = launch(["--redis", redis.url, "--log-level", "warn"]);
    const logged = await waiting.prints((line) => line.includes("waiting for the backplane"));
    expect(JSON.parse(logged)).toMatchObject({ backplane: "redis" });
    expect(waiting.printed.join()).toContain("ECONNREFUSED");
    waiting.signal("SIGTERM");
    expect(await waiting.ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/^closing: .*\n$/) });
    await redis[Symbol.asyncDispose]();
  });

  it("serves as soon as Redis is reachable", async () => {
    const redis = await RedisServer.start();
    await redis.kill();
    const starting = serve(["--redis", redis.url]);
    await redis.restart();
    server = await starting;
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    await end(server);
    await redis[Symbol.asyncDispose]();
  });
});

describe("signals", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "%s drains: clients get a notice to reconnect, and the exit code is 0",
    async (name) => {
      server = await serve();
      const peer = await Peer.connect(`${server.socketUrl}?user_id=alice`);
      server.signal(name);
      expect(await peer.frame("notice")).toMatchObject({ code: "drain", reconnectMs: expect.any(Number) });
      expect(await peer.closed).toMatchObject({ code: 4000 });
      expect((await server.ended).code).toBe(0);
    },
  );

  it("exits at once at a second signal", async () => {
    server = await serve(["--shutdown-drain-ms", "60000"]);
    // A client that does not answer the close frame keeps the drain waiting.
    const stalled = await Peer.connect(`${server.socketUrl}?user_id=alice`);
    stalled.pause();
    server.signal("SIGTERM");
    await server.prints((line) => line.startsWith("closing: "));
    server.signal("SIGTERM");
    expect((await server.ended).code).toBe(128 + 15);
    stalled.end();
  });

  it("SIGHUP takes the limits of the file into force, and keeps the earlier ones when the file is wrong", async () => {
    const directory = mkdtempSync(join(tmpdir(), "tidings-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "tidings.yaml");
    writeFileSync(file, "limits:\n  messagesPerUser: 70-S\n");
    server = await serve(["--config", file]);
    const { url } = server;
    const limit = async (): Promise<unknown> =>
      ((await (await fetch(`${url}/limits`)).json()) as { limits: { messagesPerUser: string } }).limits
        .messagesPerUser;
    expect(await limit()).toBe("70-S");

    writeFileSync(file, "limits:\n  messagesPerUser: 80-S\n");
    server.signal("SIGHUP");
    await eventually("the limit is in force", async () => (await limit()) === "80-S");
    writeFileSync(file, "limits:\n  messagesPerUser: fast\n");
    server.signal("SIGHUP");
    await server.prints((line) => line.includes("limits.messagesPerUser: expected a rate such as 200-M"));
    expect(await limit()).toBe("80-S");
  });
});
