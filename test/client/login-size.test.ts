import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import type { ConnectOptions } from "../../src/client/client.ts";
import { startHub } from "../support/hub.ts";
import { FakeServer } from "./fake-server.ts";
import { Observed } from "./harness.ts";

/** The limits of what reads a login before it knows the client: proxies and servers a URL, the hub a message. */
const LIMITS = { url: 8_192, message: 16_384 };

/** Names of groups of many sizes, short ones and the longest. */
const NAMES: Record<string, (n: number) => string> = {
  "36 characters": (n) => `${n}-`.padEnd(36, "x"),
  "128 characters": (n) => `${n}-`.padEnd(128, "x"),
  "128 characters that are escaped": (n) => `${n}-`.padEnd(128, "/ ?"),
  "characters of two bytes": (n) => `${n}-`.padEnd(100, "é"),
  "characters of four bytes": (n) => `${n}-${"😀".repeat(100)}`,
};

/** A WebSocket class that notes how each login looks, and whose last socket a test can cut. */
function noting(): { WebSocket: NonNullable<ConnectOptions["WebSocket"]>; sizes: number[]; cut(): void } {
  const sizes: number[] = [];
  let last: WebSocket | undefined;
  class Noting extends WebSocket {
    #hasSent = false;

    constructor(address: string, protocol: string) {
      super(address, protocol);
      expect(address.length).toBeLessThan(LIMITS.url);
      last = this;
    }

    override send(text: string): void {
      if (!this.#hasSent) sizes.push(Buffer.byteLength(text));
      this.#hasSent = true;
      super.send(text);
    }
  }
  return { WebSocket: Noting as never, sizes, cut: () => last?.terminate() };
}

/** Joins the groups, loses the connection, misses a message in each group, and gets all of them. */
async function reconnectWith(
  groups: readonly string[],
  options: ConnectOptions,
  login: object,
): Promise<void> {
  const { hub, url } = await startHub();
  const { WebSocket: Noting, sizes, cut } = noting();
  const client = new Observed(url({ ...login }), { WebSocket: Noting, timeoutMs: 60_000, ...options });
  onTestFinished(() => client.client.close());
  await client.status("open");
  await Promise.all(groups.map((group) => client.client.join(group)));
  for (const group of groups) await hub.group(group).send({ type: "n", data: group });
  await client.until(() => client.received.length === groups.length);

  const published = Promise.withResolvers<void>();
  hub.on("connect", () => published.promise);
  const gone = new Promise((resolve) => hub.on("disconnect", resolve));
  cut();
  await gone;
  for (const group of groups) await hub.group(group).send({ type: "n", data: `${group} again` });
  published.resolve();
  await client.until(() => client.received.length >= 2 * groups.length);
  expect(new Set(client.received.slice(groups.length))).toEqual(
    new Set(groups.map((group) => `${group} again`)),
  );
  expect(client.all("lost")).toEqual([]);
  expect(client.all("error")).toEqual([]);
  if (options.user !== undefined) expect(Math.max(...sizes)).toBeLessThan(LIMITS.message);
}

describe.each([
  ["in the URL", 5_000, { user: undefined, connectTimeoutMs: 60_000 }, { user_id: "alice" }],
  ["by message", 1_000, { user: "alice", connectTimeoutMs: 60_000 }, {}],
])("a login %s stays small, and nothing is missed,", (_how, many, options, login) => {
  test.each(Object.keys(NAMES))("with 10 and 150 groups whose names have %s", async (kind) => {
    const nameOf = NAMES[kind] ?? String;
    for (const count of [10, 150]) {
      const groups = Array.from({ length: count }, (_, n) => nameOf(n));
      await reconnectWith(groups, options, login);
    }
  });

  test(`with ${many} groups`, async () => {
    const groups = Array.from({ length: many }, (_, n) => `${n}-`.padEnd(36, "x"));
    await reconnectWith(groups, options, login);
  });
});

test("the login names the own channel, everyone's, and the groups that moved last; requests name the others", async () => {
  await using server = await FakeServer.listen();
  const at = (offset: number) => ({ epoch: "e", offset });
  const groups = Array.from({ length: 300 }, (_, n) => `group:${n}-`.padEnd(100, "x"));
  const positions = Object.fromEntries([...groups, "all", "user:alice"].map((channel) => [channel, at(1)]));
  await using alice = new Observed(server.url, { positions, autoAck: false });
  const first = await server.accept();
  const login = await first.next();
  first.welcome();
  const newest = groups[0] ?? "";
  first.position(newest as "all", at(1));
  first.reply(login, {});
  expect((await first.next()).action).toBe("group.join"); // the position has arrived before the reply
  first.cut();
  const second = await server.accept();
  const again = await second.next();
  const named = Object.keys(again.data.resume);
  expect(Object.keys(login.data.resume)).not.toContain(newest);
  expect(named.slice(0, 3).sort()).toEqual(["all", newest, "user:alice"].sort());

  second.welcome();
  second.reply(again, {});
  const asked: string[] = [];
  for (let count = named.length; count < groups.length + 2; count++) {
    const join = await second.next();
    expect(join).toMatchObject({ action: "group.join", data: { position: at(1) } });
    asked.push(`group:${join.data.group}`);
    second.position(asked.at(-1) as "all", at(1));
    second.reply(join, {});
  }
  expect([...named, ...asked].sort()).toEqual(Object.keys(positions).sort());
  // A request of the application waits until the groups are joined.
  const asking = alice.client.request("app.ask");
  const request = await second.next();
  expect(request.action).toBe("app.ask");
  second.reply(request, null);
  await asking;
});
