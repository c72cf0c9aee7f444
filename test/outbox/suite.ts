import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { type EventMap, type Hub, type Operation, TidingsError } from "../../src/index.ts";
import { createRelay, outboxSchema, type Relay, type RelayOptions } from "../../src/outbox/outbox.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { startHub } from "../support/hub.ts";
import { type Application, numbered, rowsIn, write } from "./application.ts";

export const API_KEY = "an API key of the tests";

/** Starts a relay; it ends with the test. */
export function startRelay(
  { database }: Application,
  hub: RelayOptions["hub"],
  options: Partial<RelayOptions> = {},
): Relay {
  const relay = createRelay({ database, hub, report: () => undefined, retryMs: 100, ...options });
  onTestFinished(() => relay.close());
  return relay;
}

/** The data of the messages of a channel, oldest first. */
export async function published(hub: Hub<EventMap>, channel: string): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let before: number | undefined; ; ) {
    const { messages, more } = await hub.history(channel, { limit: 200, before });
    all.unshift(...messages.map(({ data }) => data));
    before = messages[0]?.offset;
    if (!more) return all;
  }
}

/** Numbers of one of some groups that take turns. */
export const numbersOf = (group: number, groups: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => index).filter((number) => number % groups === group);

/** A hub that refuses as it is told, and notes what it takes. */
function scriptedHub(refusal: (operation: Operation & { data?: unknown }) => TidingsError | undefined) {
  const taken: unknown[] = [];
  const hub = {
    batch: async (operations: readonly (Operation & { data?: unknown })[]) =>
      operations.map((operation) => {
        const error = refusal(operation);
        if (error !== undefined) return { error: { code: error.code, message: error.message } };
        taken.push(operation.data);
        return {};
      }),
  } as unknown as Hub<EventMap>; // a relay calls nothing else
  return { hub, taken };
}

/** A server on a port of its own. */
async function serve(listener: RequestListener, port = 0): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request) text += part;
  return text;
}

/** What every outbox has to do, on any database. */
export function outboxSuite(title: string, start: (schema?: string) => Promise<Application>): void {
  describe(`an outbox in ${title}`, () => {
    it("publishes what was committed, in order, and never what was rolled back", async () => {
      const [application, { hub }] = await Promise.all([start(), startHub()]);
      const relay = startRelay(application, hub);
      for (let from = 0; from < 300; from += 30) {
        await write(application, numbered(30, 3, from));
        await write(application, numbered(30, 3, 1_000), "ROLLBACK");
      }
      await eventually("all are published", async () => (await rowsIn(application)) === 0);
      for (const group of [0, 1, 2])
        expect(await published(hub, `group:g${group}`)).toEqual(numbersOf(group, 3, 300));
      expect(relay.counts).toMatchObject({ published: 300, failed: 0 });
      expect(await relay.backlog()).toEqual({ waiting: 0, oldestMs: 0, failed: 0 });
    });

    it("publishes to a hub elsewhere, with the data as it was written", async () => {
      const [application, { hub, at }] = await Promise.all([start(), startHub({ apiKey: API_KEY })]);
      startRelay(application, { url: at.url, apiKey: API_KEY });
      await application.run(
        "INSERT INTO tidings_outbox (channel, type, data, sender) VALUES ($1, $2, $3, $4)",
        ["user:bob", "paid", '{"total":12345678901234567890.10,"to":"eve"}', "shop"],
      );
      await write(application, [{ channel: "all", type: "news" }]);
      await eventually("both are published", async () => (await rowsIn(application)) === 0);
      const response = await fetch(`${at.url}/history?channel=user:bob`, {
        headers: { "x-api-key": API_KEY },
      });
      expect(await response.text()).toContain('"data":{"total":12345678901234567890.10,"to":"eve"}');
      expect((await hub.user("bob").history()).messages).toMatchObject([
        { type: "paid", from: "shop", to: "bob" },
      ]);
      expect((await hub.history("all")).messages).toMatchObject([{ type: "news" }]);
    });

    it("marks what is refused for good with the reason, counts and reports it, and goes on", async () => {
      const [application, { hub, at }] = await Promise.all([
        start(),
        startHub({ apiKey: API_KEY, websocket: { maxMessageSize: 1_024 } }),
      ]);
      const reports: TidingsError[] = [];
      const report = (error: TidingsError): unknown => reports.push(error);
      const bad = [
        { channel: "group:g0", type: "" },
        { channel: "bob" },
        { channel: "group:" },
        { channel: "group:g0", data: `"${"x".repeat(2_000)}"` },
        { channel: "group:g0", data: "[".repeat(100) + "]".repeat(100) },
      ];
      await write(application, [...numbered(5, 1), ...bad, ...numbered(5, 1, 5)]);
      const relay = startRelay(application, { url: at.url, apiKey: API_KEY }, { report });
      await eventually("all others are published", async () => (await rowsIn(application)) === bad.length);
      expect(await published(hub, "group:g0")).toEqual(numbersOf(0, 1, 10));
      const rows = await application.run("SELECT channel, failure FROM tidings_outbox ORDER BY id");
      expect(rows.map(({ failure }) => String(failure).split(":")[0])).toEqual([
        ...["bad_request", "bad_request", "bad_request", "too_large", "bad_request"],
      ]);
      await eventually("they are counted", () => relay.counts.failed === bad.length);
      expect(await relay.backlog()).toMatchObject({ waiting: 0, failed: bad.length });
      expect(reports[0]?.message).toMatch(/refused for good, and marked as failed: row \d+ to "/);
      await application.run(
        "UPDATE tidings_outbox SET failed_at = NULL, type = 'mended', data = '10' WHERE type = ''",
      );
      await eventually(
        "the mended one is published",
        async () => (await rowsIn(application)) === bad.length - 1,
      );
      expect(await published(hub, "group:g0")).toEqual(numbersOf(0, 1, 11));
    });

    it("tries again what fails for now, and lets no later message of its channel pass", async () => {
      const application = await start();
      await write(application, numbered(100, 2));
      let refusals = 5;
      const busy = (): TidingsError => new TidingsError("unavailable", "not now");
      const { hub, taken } = scriptedHub(({ data }) => (data === 40 && refusals-- > 0 ? busy() : undefined));
      const reports: string[] = [];
      const relay = startRelay(application, hub, { report: ({ message }) => reports.push(message) });
      await eventually("all are published", async () => (await rowsIn(application)) === 0);
      const ofGroup = (group: number): unknown[] => taken.filter((number) => Number(number) % 2 === group);
      expect(ofGroup(0)).toEqual(numbersOf(0, 2, 100));
      expect(ofGroup(1)).toEqual(numbersOf(1, 2, 100));
      // The other channel did not wait.
      expect(taken.indexOf(99)).toBeLessThan(taken.indexOf(40));
      expect(relay.counts).toMatchObject({ published: 100, retries: 5 });
      expect(reports).toEqual([
        expect.stringMatching(/^outbox: .* tried again: row \d+ to "group:g0": not now$/),
      ]);
    });

    it("lets a channel with very many rows hold up no other one", async () => {
      const application = await start();
      await write(application, [...numbered(1_200, 1), { channel: "group:other", data: '"other"' }]);
      const { hub, taken } = scriptedHub(() => undefined);
      startRelay(application, hub);
      await eventually("all are published", async () => (await rowsIn(application)) === 0);
      expect(taken.indexOf("other")).toBeLessThan(10);
      expect(taken.filter((data) => data !== "other")).toEqual(numbersOf(0, 1, 1_200));
    });

    it("deletes the row that it has published, and no other one that has its number by now", async () => {
      const application = await start();
      await write(application, numbered(1, 1));
      const { hub, taken } = scriptedHub(() => undefined);
      const { batch } = hub;
      let isFirst = true;
      hub.batch = async (operations) => {
        // As after a failover to a database that has another row under the number.
        if (isFirst) await application.run("UPDATE tidings_outbox SET key = 'another', data = '1'");
        isFirst = false;
        return batch(operations);
      };
      startRelay(application, hub);
      await eventually("it is gone", async () => (await rowsIn(application)) === 0);
      expect(taken).toEqual([0, 1]);
    });

    it("waits while the hub is away or refuses the key, and loses and doubles nothing", async () => {
      const application = await start();
      const port = await freePort();
      const reports: string[] = [];
      const url = `http://127.0.0.1:${port}`;
      const report = ({ message }: TidingsError): unknown => reports.push(message);
      const relay = startRelay(application, { url, apiKey: API_KEY }, { report });
      await write(application, numbered(200, 3));
      await eventually("the outage is told", () => reports.length === 1);
      expect(reports[0]).toMatch(/^outbox: no reply from http:\/\/127\.0\.0\.1:\d+: /);
      const { hub } = await startHub({ apiKey: API_KEY });
      let passes: "nothing" | "without answers" | "all" = "nothing";
      await serve(async (request, response) => {
        const body = await textOf(request);
        if (passes === "nothing")
          return response.writeHead(401).end('{"error":{"code":"unauthorized","message":"no"}}');
        const headers = { "content-type": "application/json", "x-api-key": API_KEY };
        const answer = await hub.fetch(
          new Request(`http://hub${request.url}`, { method: "POST", headers, body }),
        );
        if (passes === "without answers") return request.socket.destroy();
        return response.writeHead(answer.status).end(await answer.text());
      }, port);
      const retriesAfter = relay.counts.retries + 3;
      await eventually("the key is refused", () => relay.counts.retries >= retriesAfter);
      const { waiting, failed, oldestMs } = await relay.backlog();
      expect([waiting, failed]).toEqual([200, 0]);
      expect(oldestMs).toBeGreaterThan(100);
      expect(oldestMs).toBeLessThan(300_000);
      passes = "without answers";
      await eventually("the hub has some", async () => (await published(hub, "group:g0")).length > 0);
      const before = relay.counts.retries;
      await eventually("they were sent again", () => relay.counts.retries > before + 1);
      passes = "all";
      await eventually("all are published", async () => (await rowsIn(application)) === 0);
      for (const group of [0, 1, 2])
        expect(await published(hub, `group:g${group}`)).toEqual(numbersOf(group, 3, 200));
    });

    it("is published by one of several relays, and by the next when that one ends", async () => {
      const [application, { hub }] = await Promise.all([start(), startHub()]);
      const relays = [startRelay(application, hub), startRelay(application, hub)];
      const countsOf = (): number[] => relays.map(({ counts }) => counts.published);
      await write(application, numbered(100, 1));
      await eventually("all are published", async () => (await rowsIn(application)) === 0);
      expect(countsOf().sort()).toEqual([0, 100]);
      const active = relays.find(({ counts }) => counts.published > 0);
      await active?.close();
      await expect(active?.backlog()).rejects.toMatchObject({ code: "unavailable" });
      await write(application, numbered(100, 1, 100));
      await eventually("the other one goes on", async () => (await rowsIn(application)) === 0);
      expect(countsOf()).toEqual([100, 100]);
      expect(await published(hub, "group:g0")).toEqual(numbersOf(0, 1, 200));
    });

    it("reads rows in portions, however large they are", async () => {
      const application = await start();
      const large = { channel: "group:large", data: `"${"x".repeat(1_000_000)}"` };
      await write(
        application,
        Array.from({ length: 6 }, () => large),
      );
      await write(application, [{ ...large, data: `"${"x".repeat(17_000_000)}"` }]);
      let most = 0;
      const { hub, taken } = scriptedHub(() => undefined);
      const counting = {
        batch: (operations: readonly Operation[]) => {
          most = Math.max(most, JSON.stringify(operations).length);
          return hub.batch(operations);
        },
      } as unknown as Hub<EventMap>; // a relay calls nothing else
      startRelay(application, counting);
      await eventually("all but one are published", async () => (await rowsIn(application)) === 1);
      expect(taken).toHaveLength(6);
      expect(most).toBeLessThan(1_100_000);
      const [row] = await application.run("SELECT failure FROM tidings_outbox");
      expect(row?.failure).toBe("too_large: data: expected at most 16777216 bytes, got 17000002");
    });

    it("says how to make the table where it is missing, and begins when it is there", async () => {
      const application = await start("");
      const { hub, taken } = scriptedHub(() => undefined);
      const reports: string[] = [];
      startRelay(application, hub, { report: ({ message }) => reports.push(message) });
      await eventually("it is told", () => reports.length === 1);
      const kind = application.database.startsWith("sqlite") ? "sqlite" : "postgres";
      expect(reports[0]).toMatch(new RegExp(`^outbox: .*: make it with outboxSchema\\("${kind}"\\)$`));
      await application.run(outboxSchema(kind));
      await write(application, numbered(3, 1));
      await eventually("all are published", () => taken.length === 3);
    });

    it("refuses data that is no JSON in the transaction that writes it", async () => {
      const application = await start();
      await expect(write(application, [{ channel: "all", data: "{" }])).rejects.toThrow(
        /CHECK constraint|json/,
      );
    });
  });
}
