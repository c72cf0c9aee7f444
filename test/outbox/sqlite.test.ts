import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { createRelay } from "../../src/outbox/outbox.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { numbered, rowsIn, sqliteApplication, write } from "./application.ts";
import { numbersOf, outboxSuite, published, startRelay } from "./suite.ts";

outboxSuite("SQLite", sqliteApplication);

describe("an outbox in a SQLite file", () => {
  it("waits while another connection writes, and publishes nothing twice", async () => {
    const [application, { hub }] = await Promise.all([sqliteApplication(), startHub()]);
    await write(application, numbered(10, 1));
    const other = new DatabaseSync(application.database.replace("sqlite:", ""));
    other.exec("BEGIN IMMEDIATE");
    const relay = startRelay(application, hub);
    await eventually("it has tried", () => relay.counts.retries > 0);
    other.exec("COMMIT");
    other.close();
    await eventually("all are published", async () => (await rowsIn(application)) === 0);
    expect(await published(hub, "group:g0")).toEqual(numbersOf(0, 1, 10));
  });

  it("is not made where it is missing", async () => {
    const { hub } = await startHub();
    const path = join(tmpdir(), `tidings-no-such-${process.pid}.db`);
    const reports: string[] = [];
    startRelay({ database: `sqlite:${path}`, run: async () => [] }, hub, {
      report: ({ message }) => reports.push(message),
    });
    await eventually("it is told", () => reports.length === 1);
    expect(reports[0]).toBe(`outbox: the file ${path} failed: there is no such file`);
    expect(existsSync(path)).toBe(false);
  });
});

describe("createRelay", () => {
  it("refuses bad options, and says what it expects", async () => {
    const { hub } = await startHub();
    const database = "sqlite:a.db";
    const bad = (options: object) => () => createRelay({ database, hub, ...options });
    expect(bad({ database: "mysql://x" })).toThrow(
      "createRelay: database: expected sqlite:<file>, or postgres:",
    );
    expect(bad({ database: "sqlite::memory:" })).toThrow("database: expected sqlite:<file>");
    expect(bad({ hub: undefined })).toThrow("createRelay: hub.url: expected a URL with http: or https:");
    expect(bad({ hub: { url: "ws://x", apiKey: "k" } })).toThrow("hub.url: expected a URL");
    expect(bad({ hub: { url: "http://x" } })).toThrow("hub.apiKey: expected an API key");
    expect(bad({ pollMs: 0 })).toThrow("pollMs: expected milliseconds from 1 to 3,600,000");
  });
});
