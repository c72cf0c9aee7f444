import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHub } from "../../src/index.ts";
import { type MessageSink, postgresSink } from "../../src/log/log.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { startHub } from "../support/hub.ts";
import { PostgresServer } from "../support/postgres/postgres.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { storedOf } from "./support.ts";

const DROP = { kind: "dropped", timestamp: 2, node: "n1", channel: "all", message: "m1", count: 3 } as const;

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
});
afterAll(() => postgres[Symbol.asyncDispose]());

/** Number of messages in the log; 0 before it has made its tables. */
const countOf = async (url: string): Promise<number> => {
  const sql = "SELECT count(*) AS n FROM tidings_log_messages";
  const rows = await postgres.query(sql, [], url).catch((error: { code?: string }) => {
    if (error.code === "42P01") return []; // undefined table
    throw error;
  });
  return Number(rows[0]?.n ?? 0);
};

describe("the message log on PostgreSQL", () => {
  it("catches up after an outage under load: nothing is lost or doubled, and no publish fails or waits for it", async () => {
    const url = await postgres.database("outage");
    const { hub } = await startHub({ messageLog: url });
    let sent = 0;
    const send = async (until: () => boolean): Promise<void> => {
      while (!until()) {
        await hub.user("bob").send({ type: "chat", data: sent++ });
        if (sent % 20 === 0) await sleep(1);
      }
    };
    await send(() => sent >= 500);
    await eventually("these are logged", async () => (await countOf(url)) === sent);
    const stopped = postgres.stop();
    await send(() => sent >= 3_000);
    await stopped;
    await send(() => sent >= 6_000); // the server is away, and each publish has its receipt
    const restarted = postgres.restart();
    await send(() => sent >= 7_000);
    await restarted;
    await eventually("the log has caught up", async () => (await countOf(url)) === sent);
    const [row] = await postgres.query(
      "SELECT count(DISTINCT message_offset) AS n FROM tidings_log_messages",
      [],
      url,
    );
    expect(Number(row?.n)).toBe(sent);
  });

  it("counts what it drops in an outage that is too long, and the log has the gap", async () => {
    const url = await postgres.database("dropped");
    const { hub, at } = await startHub({ messageLog: url, messageLogLimits: { records: 100 } });
    await hub.user("bob").send({ type: "chat", data: 0 });
    await eventually("the first one is logged", async () => (await countOf(url)) === 1);
    await postgres.stop();
    for (let sent = 1; sent <= 1_000; sent++) await hub.user("bob").send({ type: "chat", data: sent });
    await postgres.restart();
    await eventually("the log has caught up", async () => (await countOf(url)) === 101);
    const gaps = async (): Promise<number> => {
      const sql = "SELECT sum(count) AS n FROM tidings_log_outcomes WHERE kind = 'gap'";
      return Number((await postgres.query(sql, [], url))[0]?.n);
    };
    await eventually("the gap is logged", async () => (await gaps()) === 900);
    expect(await (await fetch(`${at.url}/metrics`)).text()).toContain(
      "tidings_message_log_dropped_total 900",
    );
  });

  it("a record whose answer was lost is there once", async () => {
    const url = await postgres.database("lost");
    let isMute = false;
    const proxy = createServer((client) => {
      const server = connect(postgres.port, "127.0.0.1");
      for (const socket of [client, server]) socket.on("error", () => undefined);
      client.pipe(server);
      server.on("data", (answer) => {
        if (isMute && answer.includes("COMMIT")) client.destroy();
        else client.write(answer);
      });
      client.on("close", () => server.destroy());
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const { port } = proxy.address() as AddressInfo; // it listens on a port
    const sink = postgresSink(url.replace(`:${postgres.port}/`, `:${port}/`));
    const drop = { ...DROP, id: "o1" };
    await sink.write([storedOf("m0")], () => undefined);
    isMute = true;
    const rejected = sink.write([storedOf("m1"), drop], () => undefined);
    await expect(rejected).rejects.toMatchObject({ code: "unavailable" });
    expect(await countOf(url)).toBe(2); // it was stored
    isMute = false;
    await sink.write([storedOf("m1"), drop], () => undefined);
    await sink.write([storedOf("m0"), storedOf("m1"), drop], () => undefined);
    expect(await countOf(url)).toBe(2);
    expect(await postgres.query("SELECT id FROM tidings_log_outcomes", [], url)).toEqual([{ id: "o1" }]);
    await sink.close?.();
    proxy.close();
  });

  it("keeps no text that one node writes while another one writes its deletion, which delays no other channel", async () => {
    const url = await postgres.database("race");
    const [one, other, third] = [postgresSink(url), postgresSink(url), postgresSink(url)];
    await one.write([storedOf("m0")], () => undefined);
    // The insert of the message waits for a lock that the test has, before its transaction ends.
    const held = new pg.Client({ connectionString: url });
    await held.connect();
    const body = "BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END";
    await held.query(`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ ${body} $$`);
    await held.query(
      "CREATE TRIGGER wait AFTER INSERT ON tidings_log_messages FOR EACH ROW WHEN (NEW.id = 'm1') EXECUTE FUNCTION wait()",
    );
    await held.query("SELECT pg_advisory_lock(1)");
    const waiting = async (): Promise<number> => {
      const sql = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
      return Number((await postgres.query(sql, [], url))[0]?.n);
    };
    const message = one.write([storedOf("m1", { data: '"a secret"' })], () => undefined);
    await eventually("the message is being written", async () => (await waiting()) === 1);
    const about = { timestamp: 2, node: "n2", channel: "user:bob", message: "m1", offset: 2 } as const;
    let isWritten = false;
    const deletion = other
      .write([{ kind: "deleted", id: "d1", ...about }], () => undefined)
      .finally(() => {
        isWritten = true;
      });
    await eventually("the deletion is written, or waits", async () => isWritten || (await waiting()) === 2);
    await third.write([storedOf("m2", { channel: "group:g" })], () => undefined);
    await held.end();
    await Promise.all([message, deletion]);
    const rows = await postgres.query("SELECT data FROM tidings_log_messages WHERE id = 'm1'", [], url);
    expect(rows).toEqual([{ data: "null" }]);
    await Promise.all([one, other, third].map((sink) => sink.close?.()));
  });

  it("a database whose encoding lacks a letter refuses that record, and no other", async () => {
    const url = await postgres.database("latin", "ENCODING LATIN1 TEMPLATE template0");
    const sink = postgresSink(url);
    const refused: string[] = [];
    const records = Array.from({ length: 100 }, (_, index) =>
      storedOf(`m${index}`, { data: JSON.stringify(index % 10 === 3 ? "Ж" : "é"), offset: index }),
    );
    await sink.write(records, ({ id }, reason) => refused.push(`${id}: ${reason}`));
    expect(refused).toHaveLength(10);
    expect(refused[0]).toMatch(/^m3: character .* has no equivalent in encoding "LATIN1"$/);
    expect(await countOf(url)).toBe(90);
    await sink.close?.();
  });

  it("works for a role that may not make tables, once they are there", async () => {
    const url = await postgres.database("rights");
    const owner = postgresSink(url);
    await owner.write([storedOf("m1")], () => undefined);
    await owner.close?.();
    await postgres.query("CREATE ROLE writer LOGIN PASSWORD 'horse-writer'", [], url);
    await postgres.query("GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA public TO writer", [], url);
    await postgres.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC", [], url);
    const sink = postgresSink(url.replace(/\/\/[^@]*@/, "//writer:horse-writer@"));
    await sink.write([storedOf("m2")], () => undefined);
    expect((await sink.search?.({ limit: 5 }))?.messages).toHaveLength(2);
    await sink.close?.();
  });

  const failing: Record<string, () => Promise<string>> = {
    "the password is wrong": async () => postgres.url.replace("battery", "battery-not"),
    "the user is unknown": async () => postgres.url.replace("//app", "//nobody-7f3a"),
    "the database is missing": async () => postgres.url.replace(/postgres$/, "missing"),
    "nothing listens": async () => postgres.url.replace(/:\d+\//, `:${await freePort()}/`),
    "the host is unknown": async () => postgres.url.replace("127.0.0.1", "no-such-host.invalid"),
    "TLS is required": async () => `${postgres.url}?sslmode=require`,
  };
  it.concurrent.each(Object.keys(failing))("shows no secret when %s", async (name) => {
    const url = (await failing[name]?.()) ?? "";
    const lines: string[] = [];
    const line = (text: string, fields: object): unknown =>
      lines.push(text, JSON.stringify(fields), String((fields as { err?: unknown }).err));
    const hub = createHub({
      messageLog: url,
      logger: { info: line, warn: line, error: line, debug: line },
      shutdown: { drainMs: 0 },
    });
    const failure = Promise.withResolvers<unknown>();
    hub.on("error", ({ error }) => failure.resolve(error));
    await hub.user("bob").send({ type: "chat" }); // works without the database
    const error = await failure.promise;
    const sink: MessageSink = postgresSink(url);
    const searched = await sink.search?.({ limit: 1 }).catch((each: unknown) => each);
    await sink.close?.();
    const shown = [...lines, inspectAll(error), inspectAll(searched)].join("\n");
    for (const secret of ["correct", "battery", "horse", "nobody-7f3a"]) expect(shown).not.toContain(secret);
    expect(String(error)).toContain("message log: PostgreSQL failed: ");
    await hub.close();
  });

  it("each stored message is logged once by the node that published it, on a cluster", async () => {
    await using redis = await RedisServer.start();
    const messageLog = await postgres.database("cluster");
    const node = (id: string) => startHub({ messageLog, redis: redis.url, node: { id } });
    const [one, two] = await Promise.all([node("n1"), node("n2")]);
    for (let sent = 0; sent < 50; sent++) {
      await one.hub.group("g").send({ type: "from n1", data: sent });
      await two.hub.group("g").send({ type: "from n2", data: sent, key: `k${sent}` });
      await one.hub.group("g").send({ type: "from n2", data: sent, key: `k${sent}` }); // a duplicate
    }
    await Promise.all([one.hub.close(), two.hub.close()]);
    const rows = await postgres.query(
      "SELECT node, type, count(*) AS n FROM tidings_log_messages GROUP BY 1, 2 ORDER BY 1",
      [],
      messageLog,
    );
    expect(rows).toEqual([
      { node: "n1", type: "from n1", n: "50" },
      { node: "n2", type: "from n2", n: "50" },
    ]);
  });
});

function inspectAll(thrown: unknown): string {
  const { message, stack, cause, ...rest } = thrown as Error;
  return [message, stack, String(cause), JSON.stringify(rest)].join("\n");
}
