import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { Attempts } from "../../src/chat/accounts/attempts.ts";
import { Sessions } from "../../src/chat/accounts/sessions.ts";
import { Database } from "../../src/chat/database/database.ts";
import { settingsOf } from "../../src/chat/options.ts";
import { PostgresServer } from "../support/postgres/postgres.ts";
import { startScene } from "./scene.ts";
import { chatSuite } from "./suite/suite.ts";

let postgres: PostgresServer;
let databases = 0;
beforeAll(async () => {
  postgres = await PostgresServer.start();
});
afterAll(() => postgres[Symbol.asyncDispose]());

chatSuite("PostgreSQL", async (options) =>
  startScene({ ...options, database: await postgres.database(`chat${++databases}`) }),
);

it("a node whose clock is a month ahead ends no login, and forgets no failed one", async () => {
  const target = await postgres.database("clocks");
  const scene = await startScene({ database: target, chat: { limits: { failedLogins: 1 } } });
  const account = { user: "alice", password: "the right one" };
  const { refreshToken } = await scene.ok(undefined, "register", account);
  const guess = () => scene.code(undefined, "login", { user: "alice", password: "a guess" });
  expect(await guess()).toBe("unauthorized");

  const database = new Database(target);
  const core = { hub: scene.hub, database, settings: settingsOf({ hub: scene.hub }) };
  const now = Date.now();
  const clock = vi.spyOn(Date, "now").mockReturnValue(now + 31 * 24 * 60 * 60_000);
  await Promise.all([new Sessions(core).expire(), new Attempts(core).expire()]);
  clock.mockRestore();
  await database.close();

  expect(await guess()).toBe("rate_limited");
  expect(await scene.ok(undefined, "refresh", { refreshToken })).toMatchObject({ user: "alice" });
});
