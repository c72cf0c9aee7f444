import { afterAll, beforeAll, expect, test } from "vitest";
import { RedisServer } from "../../support/redis/redis.ts";
import { acquaint, startCluster, upTo } from "../contract/harness.ts";
import { redisOn } from "./harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const implementation = redisOn(() => server);

test("a truncated line is reported, and the lines around it are delivered", async () => {
  await using cluster = await startCluster(implementation);
  const { node } = cluster;
  const reported: unknown[] = [];
  node.sink.report = (_, error) => reported.push(error);
  const [inbox = ""] = (await server.command("PUBSUB", "CHANNELS", "*inbox:*")) as string[]; // answers with names
  const own = (id: string) => `\x1e${id}\x1f"hi"\x1fuser:alice`;
  const line = (...ids: string[]) => `M\x1fchat\x1f1\x1f${ids.map(own).join("")}`;
  const broken = [
    `${line("c")}\x1ed\x1f"hi"`,
    "M\x1fchat\x1f1",
    "M\x1fchat\x1f1\x1f\x1ee",
    "",
    "M",
    `${line()}\x1eg\x1f\x1fuser:alice`,
  ];

  await server.command("PUBLISH", inbox, ["1", line("a", "b"), ...broken, line("f")].join("\n"));
  await node.backplane.probe();

  expect(node.sink.delivered.map(({ id }) => id)).toEqual(["a", "b", "c", "f"]);
  expect(reported.map(String)).toEqual(upTo(5).map(() => expect.stringContaining("without its end")));
});

test("lengths without their messages are reported, and later lines are delivered", async () => {
  await using cluster = await startCluster(implementation);
  const { node } = cluster;
  const reported: unknown[] = [];
  node.sink.report = (_, error) => reported.push(error);
  const [inbox = ""] = (await server.command("PUBSUB", "CHANNELS", "*inbox:*")) as string[]; // answers with names
  const stored = (id: string) => `T\x1fgroup:g\x1fepoch\x1f0\x1e${id}\x1fchat\x1f"hi"\x1f1\x1f\x1e`;
  const lengths = (...numbers: number[]) => `S\x1f${numbers.join(" ")}`;

  const lines = [lengths(1), stored("a"), lengths(1), lengths(2), stored("b"), lengths(2, 3)];
  for (const line of lines) await server.command("PUBLISH", inbox, `1\n${line}`);
  await node.backplane.probe();

  const delivered = node.sink.delivered.map((message) => [message.id, "offset" in message && message.offset]);
  expect(delivered).toEqual([
    ["a", 1],
    ["b", 2],
  ]);
  expect(reported.map(String)).toEqual(upTo(2).map(() => expect.stringContaining("without their messages")));
});

test.each(["relay", "append"] as const)(
  "%s: the trace of a message arrives, and of no other",
  async (way) => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    await acquaint(cluster);
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const kinds = [{}, { trace }, { trace: `${trace} a=b,c=d`, recipient: "carol" }, { from: "bob" }];
    const sent = kinds.map((kind) => ({ ...cluster.message("group:g"), ...kind }));

    for (const message of sent) void node.broker[way](message);
    await other.sink.until(() => other.sink.delivered.length === sent.length);

    expect(other.sink.delivered).toMatchObject(sent);
    const traces = [undefined, trace, `${trace} a=b,c=d`, undefined];
    expect(other.sink.delivered.map((message) => message.trace)).toEqual(traces);
  },
);

test("a message arrives as it was sent, filters and sender included", async () => {
  await using cluster = await startCluster(implementation, {}, 2);
  const { node, other } = cluster;
  await other.routes.join("g", "alice");
  const filters = { from: "bob", platforms: ["web", "mobile"], except: ["c1"], recipient: "carol" };
  const sent = [cluster.message("group:g"), { ...cluster.message("group:g"), ...filters }];

  for (const message of sent) await node.broker.relay(message);
  await other.sink.until(() => other.sink.delivered.length === sent.length);

  expect(other.sink.delivered).toEqual(sent);
});

test("messages with different shared fields keep their order and their fields", async () => {
  await using cluster = await startCluster(implementation, {}, 2);
  const { node, other } = cluster;
  await acquaint(cluster);
  const kinds = [
    {},
    { type: "other" },
    { timestamp: 7 },
    { from: "bob" },
    { platforms: ["web"] },
    { except: ["c1"] },
    { recipient: "carol" },
    { trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
    { trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 a=b,c=d", recipient: "carol" },
  ];
  const sent = upTo(60).map((number) => ({
    ...cluster.message("group:g"),
    ...kinds[(number >> 1) % kinds.length],
  }));

  for (const message of sent) void node.broker.relay(message);
  await other.sink.until(() => other.sink.delivered.length === sent.length);

  expect(other.sink.delivered).toEqual(sent);
});

test("messages with the same content for several channels arrive with their data, in any mix with others", async () => {
  await using cluster = await startCluster(implementation, {}, 2);
  const { node, other, message } = cluster;
  await acquaint(cluster);
  const [one, two] = [{}, {}];
  const contents = [one, one, two, two, undefined, two, one, undefined, undefined, one];
  const sent = upTo(1_000).map((number) => {
    const content = contents[number % contents.length];
    const body = content === one ? '"one"' : `"two"`;
    return { ...message("group:g", { body: content === undefined ? String(number) : body }), content };
  });

  for (const each of sent) void node.broker.relay(each);
  await other.sink.until(() => other.sink.delivered.length === sent.length);

  expect(other.sink.delivered.map(({ id, body }) => id + body)).toEqual(
    sent.map(({ id, body }) => id + body),
  );
});

test("a message whose delivery fails does not stop the others of its line", async () => {
  await using cluster = await startCluster(implementation, {}, 2);
  const { node, other } = cluster;
  await acquaint(cluster);
  const sent = upTo(3).map(() => cluster.message("group:g"));
  const reported: string[] = [];
  other.sink.report = (stage, error) => reported.push(`${stage}: ${error}`);
  const { deliver } = other.sink;
  other.sink.deliver = (message) => {
    if (message.id === sent[1]?.id) throw new Error("not this one");
    return deliver.call(other.sink, message);
  };

  for (const message of sent) void node.broker.relay(message);
  await other.sink.until(() => other.sink.delivered.at(-1)?.id === sent[2]?.id);

  expect(other.sink.delivered.map(({ id }) => id)).not.toContain(sent[1]?.id);
  expect(other.sink.delivered.map(({ id }) => id)).toContain(sent[0]?.id);
  expect(reported).toEqual(["deliver: Error: not this one"]);
});

test("more messages than one payload holds arrive in order", async () => {
  await using cluster = await startCluster(implementation, {}, 2);
  const { node, other } = cluster;
  await acquaint(cluster);
  const sent = upTo(3_000).map(() => cluster.message("group:g"));

  for (const message of sent) void node.broker.relay(message);
  await other.sink.until(() => other.sink.delivered.length === sent.length);

  expect(other.sink.delivered.map(({ id }) => id)).toEqual(sent.map(({ id }) => id));
});
