import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { needs } from "../../support/tools.ts";
import { startSocketServer } from "./server.ts";

needs("openssl");

const directory = mkdtempSync(join(tmpdir(), "tidings-websocket-"));
const file = (name: string): string => join(directory, name);

beforeAll(() => {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file("key")];
  const subject = ["-subj", "/CN=127.0.0.1", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...key, "-out", file("cert"), ...subject], { stdio: "pipe" });
});

afterAll(() => rmSync(directory, { recursive: true }));

it("a WebSocket over TLS takes messages of any size, answers pings, and closes from either side", async () => {
  const secure = createServer({ key: readFileSync(file("key")), cert: readFileSync(file("cert")) });
  const server = await startSocketServer({ server: secure, deflate: true });
  for (const closesFirst of ["client", "server"] as const) {
    const next = server.next();
    const client = new WebSocket(server.url.replace("ws:", "wss:"), { rejectUnauthorized: false });
    const told = await next;
    await new Promise((resolve) => client.once("open", resolve));
    const sizes = [0, 10, 200, 70_000, 500_000];
    for (const size of sizes) client.send("x".repeat(size), { compress: size < 1_000 });
    await told.until(() => told.texts.length === sizes.length);
    expect(told.texts.map(({ length }) => length)).toEqual(sizes);
    const pong = new Promise<string>((resolve) => client.once("pong", (data) => resolve(String(data))));
    client.ping("here");
    expect(await pong).toBe("here");
    const closed = new Promise((resolve) => client.once("close", resolve));
    if (closesFirst === "client") client.close(4_000, "bye");
    else told.socket.close(4_000, "bye");
    expect(await closed).toBe(4_000);
    await told.ended;
    expect(told.closes).toEqual([{ code: 4_000, reason: "bye" }]);
  }
});
