import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { builtPackage } from "../package/build.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer, dataOf } from "../support/peer.ts";
import { PostgresServer } from "../support/postgres/postgres.ts";
import { Program } from "./program.ts";

let directory: string;
beforeAll(async () => {
  directory = await builtPackage();
});

const start = (example: string, env: NodeJS.ProcessEnv): Program =>
  new Program(process.execPath, [join(directory, "examples/publish-in-transaction", example)], { env });

describe("examples/publish-in-transaction", () => {
  it("sends a message for each order that was committed, on SQLite", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tidings-shop-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const program = start("sqlite.ts", { PORT: "0", DATABASE: join(folder, "shop.db") });
    const port = await program.prints(/port: (\d+)/);
    const bob = await connectPeer(`ws://127.0.0.1:${port}/ws?user_id=bob`);
    const statusOf = async (total: number): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}/?buyer=bob&total=${total}`, { method: "POST" })).status;
    expect([await statusOf(10), await statusOf(-1), await statusOf(20)]).toEqual([200, 400, 200]);
    expect(dataOf(await bob.take(2, ({ type }) => type === "ordered"))).toEqual([
      { total: 10 },
      { total: 20 },
    ]);
    program.terminate();
    expect(await program.ended).toBe(0);
  });

  it("does so on PostgreSQL, to a hub in another process", async () => {
    await using postgres = await PostgresServer.start();
    const apiKey = "an API key of the tests";
    const { hub, at } = await startHub({ apiKey });
    const program = start("postgres.ts", { DATABASE_URL: postgres.url, HUB_URL: at.url, API_KEY: apiKey });
    await program.prints("no order of -1");
    const totals = async (): Promise<unknown[]> =>
      (await hub.user("bob").history()).messages.map(({ data }) => (data as { total: number }).total);
    await eventually("both messages are there", async () => (await totals()).length === 2);
    expect(await totals()).toEqual([10, 20]);
    program.terminate();
    expect(await program.ended).toBe(0);
  });
});
