import { afterAll, beforeAll } from "vitest";
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
