import type { Appended, RetentionRules } from "../../backplane/backplane.ts";
import type { Channel } from "../../protocol/protocol.ts";
import { eventually, type Implementation, type StartedCluster, startCluster, upTo } from "../harness.ts";
import type { Tests } from "../runner.ts";

export function retentionContract({ test, expect }: Tests, implementation: Implementation): void {
  test("a rule sets the count of its channels, above and below that of all others", async () => {
    const channels: RetentionRules = {
      "group:few-*": { count: 2 },
      "group:many": { count: 40 },
      "group:last": { last: true },
    };
    await using cluster = await startCluster(implementation, { count: 10, channels });
    const all: Channel[] = ["group:few-1", "group:many", "group:many-more", "group:last"];
    for (const channel of all) await append(cluster, channel, 30);

    expect(await Promise.all(all.map((channel) => retained(cluster, channel)))).toEqual([
      upTo(30).slice(-2),
      upTo(30),
      upTo(30).slice(-10),
      [30],
    ]);
  });

  test("a rule sets the age of its channels, above and below that of all others", async () => {
    const channels = { "group:brief-*": { ageMs: 200 }, "group:long-*": { ageMs: 3_600_000 } };
    await using cluster = await startCluster(implementation, { ageMs: 3_000, channels });
    for (const channel of ["group:brief-1", "group:long-1", "group:g"] as const)
      await append(cluster, channel, 3);

    await cluster.advance(400);
    expect(await retained(cluster, "group:brief-1")).toEqual([]);
    expect(await retained(cluster, "group:g")).toEqual(upTo(3));
    await cluster.advance(2_700);
    expect(await retained(cluster, "group:g")).toEqual([]);
    expect(await retained(cluster, "group:long-1")).toEqual(upTo(3));
    expect((await append(cluster, "group:brief-1", 1))?.offset).toBe(4);
  });

  test("a rule sets the bytes of its channels", async () => {
    const channels = { "group:small-*": { bytes: 20_000 } };
    await using cluster = await startCluster(implementation, { channels });
    const body = JSON.stringify("x".repeat(3_000));
    for (const channel of ["group:small-1", "group:g"] as const) await append(cluster, channel, 30, body);

    await eventually(
      "the older messages are removed",
      async () => (await retained(cluster, "group:small-1")).length < 10,
    );
    expect((await retained(cluster, "group:small-1")).at(-1)).toBe(30);
    expect(await retained(cluster, "group:g")).toEqual(upTo(30));
  });

  test("the closest pattern counts: a channel before a star, and a longer text before a shorter one", async () => {
    const channels = {
      "group:*": { count: 4 },
      "group:a-*": { count: 3 },
      "group:a-1": { count: 2 },
      "group:a-\\*": { count: 1 },
      "user:*": { count: 5 },
    };
    await using cluster = await startCluster(implementation, { channels });
    const counts: [Channel, number][] = [
      ["group:g", 4],
      ["group:a-2", 3],
      ["group:a-1", 2],
      ["group:a-*", 1],
      ["user:bob", 5],
      ["all", 8],
    ];
    for (const [channel] of counts) await append(cluster, channel, 8);

    for (const [channel, count] of counts)
      expect([channel, (await retained(cluster, channel)).length]).toEqual([channel, count]);
  });
}

/** Stores messages in a channel. @returns the last one */
async function append(
  { node, message }: StartedCluster,
  channel: Channel,
  count: number,
  body = "1",
): Promise<Appended | undefined> {
  let last: Appended | undefined;
  for (const _ of upTo(count)) last = await node.broker.append(message(channel, { body }));
  return last;
}

async function retained({ node }: StartedCluster, channel: Channel): Promise<number[]> {
  const { messages } = await node.broker.history(channel, { limit: 100 });
  return messages.map(({ offset }) => offset);
}
