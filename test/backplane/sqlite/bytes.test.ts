import { afterAll, expect, onTestFinished, test } from "vitest";
import { type Backplane, type Message, sqliteBackplane } from "../../../src/backplane/backplane.ts";
import type { Channel } from "../../../src/protocol/protocol.ts";
import { RecordingSink, upTo } from "../contract/harness.ts";
import { newDirectory, removeDirectories } from "./harness.ts";

afterAll(removeDirectories);

let ids = 0;
const messageTo = (channel: Channel, body: string): Message => ({
  ...{ id: `m${++ids}`, type: "chat", body, timestamp: Date.now(), channel },
});

async function started(history: object): Promise<{ backplane: Backplane; sink: RecordingSink }> {
  const limits = { count: 1_000, ageMs: 3_600_000, ...history };
  const backplane = sqliteBackplane({ directory: await newDirectory(), history: limits });
  const sink = new RecordingSink();
  await backplane.start({ id: "n1", ip: "127.0.0.1", port: 8080, connections: () => 0 }, sink);
  onTestFinished(() => backplane.stop());
  return { backplane, sink };
}

test("beyond the limit of all histories the heaviest are lost, and members and returning devices are told", async () => {
  const { backplane, sink } = await started({ totalBytes: 2_000_000 });
  const { broker } = backplane;
  const users = upTo(20).map((number) => `user:${number}` as const);
  for (const user of users) for (const _ of upTo(3)) await broker.append(messageTo(user, '"light"'));
  const flood = upTo(30).map((number) => `group:invented-${number}` as const);
  for (const channel of flood) await broker.append(messageTo(channel, `"${"x".repeat(100_000)}"`));

  for (const user of users) {
    expect(await broker.history(user, { after: 0, limit: 9 })).toMatchObject({ first: 1, last: 3 });
  }
  const pages = await Promise.all(flood.map((channel) => broker.history(channel, { after: 0, limit: 9 })));
  const told = pages.flatMap(({ lost }, index) => (lost ? [flood[index]] : []));
  expect(told.length).toBeGreaterThan(10);
  expect(sink.losses.map(({ channel }) => channel).sort()).toEqual(told.sort());
});

test("limits count the bytes of the text in the file, whatever its script", async () => {
  const { backplane } = await started({ channelBytes: 100_000, pageBytes: 20_000 });
  const { broker } = backplane;
  for (const _ of upTo(30)) await broker.append(messageTo("all", `"${"世".repeat(3_000)}"`));

  const { first, last, messages } = await broker.history("all", { after: 0, limit: 100 });
  expect(last - first + 1).toBe(10);
  expect(messages).toHaveLength(2);
});
