import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { outboxSchema } from "../../src/outbox/outbox.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { PostgresServer } from "../support/postgres/postgres.ts";
import { numbered, postgresApplication, rowsIn, write } from "./application.ts";
import { killSuite } from "./kill-suite.ts";
import { numbersOf, outboxSuite, published, startRelay } from "./suite.ts";

let postgres: PostgresServer;
let databases = 0;
beforeAll(async () => {
  postgres = await PostgresServer.start();
});
afterAll(() => postgres[Symbol.asyncDispose]());

const start = async (schema?: string) =>
  postgresApplication(await postgres.database(`outbox${++databases}`), schema);

outboxSuite("PostgreSQL", start);
killSuite("PostgreSQL", () => start());

describe("an outbox in PostgreSQL", () => {
  it("publishes rows that are committed after later ones", async () => {
    const [application, { hub }] = await Promise.all([start(), startHub()]);
    const relay = startRelay(application, hub);
    const slow = new pg.Client({ connectionString: application.database });
    await slow.connect();
    onTestFinished(() => slow.end());
    await slow.query("BEGIN");
    await slow.query("INSERT INTO tidings_outbox (channel, type, data) VALUES ('all', 'slow', '1')");
    await write(application, [{ channel: "all", data: "2" }]);
    await eventually("the later one is published", () => relay.counts.published === 1);
    await slow.query("COMMIT");
    await eventually("the earlier one is published", () => relay.counts.published === 2);
    expect(await published(hub, "all")).toEqual([2, 1]);
  });

  it("is told of rows, and does not need its interval", async () => {
    const [application, { hub }] = await Promise.all([start(), startHub()]);
    const relay = startRelay(application, hub, { pollMs: 3_600_000 });
    await Promise.all([relay.backlog(), relay.backlog()]);
    const sessions =
      "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'tidings outbox' AND datname = $1";
    const [row] = await application.run(sessions, [new URL(application.database).pathname.slice(1)]);
    expect(row?.n).toBe("1");
    for (let count = 1; count <= 3; count++) {
      await write(application, numbered(1, 1));
      await eventually("it is published", () => relay.counts.published === count);
    }
  });

  it("looks at its interval where the application wants no notifications", async () => {
    const [application, { hub }] = await Promise.all([
      start(outboxSchema("postgres", { notify: false })),
      startHub(),
    ]);
    const relay = startRelay(application, hub, { pollMs: 10 });
    await write(application, numbered(1, 1));
    await eventually("it is published", () => relay.counts.published === 1);
  });

  it("needs no rights but to select, update and delete rows", async () => {
    const [application, { hub }] = await Promise.all([start(), startHub()]);
    await application.run("CREATE ROLE relay LOGIN PASSWORD 'horse-relay'");
    await application.run("GRANT SELECT, UPDATE, DELETE ON tidings_outbox TO relay");
    const database = application.database.replace(/\/\/[^@]*@/, "//relay:horse-relay@");
    const relay = startRelay({ ...application, database }, hub);
    await write(application, [...numbered(1, 1), { channel: "nobody" }]);
    await eventually("it is published", () => relay.counts.published === 1 && relay.counts.failed === 1);
  });

  it("goes on after an outage of the database, and its reports hold no password", async () => {
    const [application, { hub }] = await Promise.all([start(), startHub()]);
    const reports: string[] = [];
    const relay = startRelay(application, hub, { report: ({ message }) => reports.push(message) });
    await write(application, numbered(100, 2));
    await eventually("some are published", () => relay.counts.published > 0);
    await postgres.stop();
    await eventually("the outage is told", () => reports.length === 1);
    expect(reports[0]).toMatch(/^outbox: PostgreSQL failed: /);
    expect(reports[0]).not.toContain("battery");
    await postgres.restart();
    await write(application, numbered(100, 2, 100));
    await eventually("all are published", async () => (await rowsIn(application)) === 0);
    for (const group of [0, 1])
      expect(await published(hub, `group:g${group}`)).toEqual(numbersOf(group, 2, 200));
  });
});
