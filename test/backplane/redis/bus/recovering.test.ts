import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createHealth } from "../../../../src/backplane/health.ts";
import { LocalNode } from "../../../../src/backplane/local-node.ts";
import { Bus, TELL, TrafficCounts } from "../../../../src/backplane/redis/bus/bus.ts";
import { addressOf, Connection } from "../../../../src/backplane/redis/connection/connection.ts";
import { NodeCommands, type NodeCommandsParts } from "../../../../src/backplane/redis/nodes/node-commands.ts";
import type { Directory } from "../../../../src/backplane/redis/routing/directory.ts";
import { Invalidation } from "../../../../src/backplane/redis/routing/invalidation.ts";
import { Tallies } from "../../../../src/backplane/redis/routing/tallies.ts";
import { type Kind, LINE, lineOf } from "../../../../src/backplane/redis/wire/lines.ts";
import { RedisServer } from "../../../support/redis/redis.ts";

/** Longer than any test takes. */
const LONG_MS = 600_000;

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A connection to Redis and a bus: all that questions and answers need. Its recovery lasts until `reconciled` resolves. */
async function startBus(prefix: string, reconciled: Promise<void>) {
  const traffic = new TrafficCounts([TELL]);
  const connection = new Connection({
    prefix,
    address: addressOf(server.url),
    commandTimeoutMs: LONG_MS,
    heartbeatMs: LONG_MS,
    health: createHealth(),
    onRun: () => undefined,
    onAnswer: () => undefined,
    onOutage: (error) => expect.fail(String(error)),
  });
  const onError = (error: unknown) => expect.fail(String(error));
  const bus = new Bus(connection, { commandTimeoutMs: LONG_MS, heartbeatMs: LONG_MS, traffic, onError });
  const opened = Promise.withResolvers<void>();
  const started = connection.start(async () => {
    await bus.open();
    opened.resolve();
    await reconciled;
  });
  onTestFinished(async () => {
    await connection.stop(async () => undefined);
    await started.catch(() => undefined);
    bus.stop();
  });
  await opened.promise;
  return { connection, bus, traffic, started };
}

/** The kinds of questions, each with the kind of its answer and the fields behind the request. */
const QUESTIONS: [name: string, question: Kind, answer: Kind, fields: (own: string) => string[]][] = [
  [
    "a command",
    LINE.command,
    LINE.reply,
    (own) => ["1", own, '{"kind":"kick","user":"bob","cause":"kicked"}'],
  ],
  ["a roll call", LINE.command, LINE.reply, (own) => ["1", own, ""]],
  ["a question for a report", LINE.tally, LINE.tallied, (own) => ["1", own, "m1"]],
  ["a question whether a route was dropped", LINE.confirm, LINE.confirmed, (own) => [own, "1"]],
  ["a hail", LINE.hail, LINE.alive, (own) => [own]],
];

test.each(QUESTIONS)("a node that recovers hears %s, and answers it", async (_, question, answer, fields) => {
  const prefix = `${randomUUID()}:`;
  const { bus: asking, started } = await startBus(prefix, Promise.resolve());
  await started;
  const recovering = await startBus(prefix, new Promise(() => undefined));
  answerOn(recovering);
  const answered = new Promise<void>((resolve) => asking.on(answer, () => resolve()));

  asking.post(recovering.bus.token, lineOf(question, ...fields(asking.token)));
  await answered;

  expect(recovering.connection.isUp).toBe(false);
  expect(recovering.traffic.dropped).toBe(0);
});

/** Everything of a node that answers questions. The message m1 has been delivered there. */
function answerOn({ connection, bus, traffic }: Awaited<ReturnType<typeof startBus>>): void {
  new Invalidation(connection.run, bus, LONG_MS);
  const tallies = new Tallies(bus, {} as Directory, LONG_MS); // for questions of its own
  tallies.stored(
    { id: "m1", channel: "user:bob", type: "n", body: undefined, time: 0 } as never, // only the id counts
    { connections: 1, dropped: 0 },
    false,
  );
  const presence = { useRollCall: () => undefined, runHere: async () => 1 };
  const parts = { connection, bus, traffic, presence, registry: presence, node: new LocalNode() };
  new NodeCommands({ ...parts, commandTimeoutMs: LONG_MS } as unknown as NodeCommandsParts); // the parts that answer
}
