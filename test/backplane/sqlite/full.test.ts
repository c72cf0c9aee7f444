import { afterAll, expect, test } from "vitest";
import { type Message, sqliteBackplane } from "../../../src/backplane/backplane.ts";
import { eventually } from "../../support/eventually.ts";
import { RecordingSink, upTo } from "../contract/harness.ts";
import { removeDirectories } from "./harness.ts";
import { smallDisk } from "./small-disk.ts";

afterAll(removeDirectories);

const LARGE = `"${"x".repeat(20_000)}"`;

test("while the disk is full publishes fail and the node is degraded; with room it works by itself, and nothing is lost", async () => {
  using disk = await smallDisk();
  const backplane = sqliteBackplane({
    directory: disk.directory,
    history: { count: 1_000, ageMs: 3_600_000 },
  });
  const sink = new RecordingSink();
  const { broker, health } = backplane;
  await backplane.start({ id: "n1", ip: "127.0.0.1", port: 8080, connections: () => 0 }, sink);
  const append = (id: string) => {
    const message: Message = { id, type: "chat", body: LARGE, timestamp: Date.now(), channel: "all" };
    return broker.append(message);
  };
  expect(await append("before")).toMatchObject({ offset: 1 });

  disk.fill();
  const outcomes = await Promise.allSettled(upTo(20).map((number) => append(`full-${number}`)));

  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({
      status: "rejected",
      reason: { code: "unavailable", message: "data: the disk is full" },
    });
  }
  expect(health.abilities).toMatchObject({ read: true, write: false });
  expect(health.degraded).toMatchObject([
    { what: "stored messages", why: "the data directory cannot be written: the disk is full" },
  ]);
  expect(await broker.history("all", { limit: 9 })).toMatchObject({ last: 1, messages: [{ id: "before" }] });

  disk.free();
  await eventually("the node writes again", () => health.abilities.write);

  expect(health.degraded).toEqual([]);
  expect(await append("after")).toMatchObject({ offset: 2 });
  expect(sink.delivered.map(({ id }) => id)).toEqual(["before", "after"]);
  await backplane.stop();
});
