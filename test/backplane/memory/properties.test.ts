import fc from "fast-check";
import { expect, test } from "vitest";
import { type Broker, type HistoryQuery, memoryBackplane } from "../../../src/backplane/backplane.ts";
import type { Channel, Position } from "../../../src/protocol/protocol.ts";
import { RecordingSink } from "../contract/harness.ts";
import { HistoryModel } from "./history-model.ts";

type Step =
  | { readonly kind: "append"; readonly channel: Channel; readonly size: number }
  | { readonly kind: "history"; readonly channel: Channel; readonly query: HistoryQuery }
  | { readonly kind: "positions"; readonly channels: readonly Channel[] }
  | { readonly kind: "advance"; readonly ms: number };

const channels = fc.constantFrom<Channel>("all", "user:a", "user:b", "group:a", "group:b", "group:c");
const offsets = fc.nat({ max: 40 });
const limits = fc.nat({ max: 12 });

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("append"), channel: channels, size: fc.nat(2_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("history"),
      channel: channels,
      query: fc.oneof(
        fc.record({ after: offsets, limit: limits }),
        fc.record({ before: fc.option(offsets, { nil: undefined }), limit: limits }),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("positions"), channels: fc.array(channels) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("advance"), ms: fc.nat(800) }) },
);

const limitsOfHistory = fc.record({
  count: fc.integer({ min: 0, max: 20 }),
  ageMs: fc.constantFrom(500, 1_000_000),
  // The bounds range from a few slots to more than all messages.
  totalBytes: fc.constantFrom(300, 1_500, 5_000, 20_000, 10_000_000),
});

/** Passes each call on to the model as it happens. */
class ModelSink extends RecordingSink {
  readonly #model: HistoryModel;

  constructor(model: HistoryModel) {
    super();
    this.#model = model;
  }

  override deliver(message: Parameters<RecordingSink["deliver"]>[0]): ReturnType<RecordingSink["deliver"]> {
    if ("offset" in message) this.#model.delivered(message);
    return super.deliver(message);
  }

  override lost(channel: Channel, position: Position): void {
    this.#model.lost(channel, position);
    super.lost(channel, position);
  }
}

test("any interleaving of appends, reads and evictions keeps order, contiguous offsets and honest epochs", async () => {
  await fc.assert(
    fc.asyncProperty(limitsOfHistory, fc.array(steps, { maxLength: 120 }), async (history, sequence) => {
      const clock = { now: 1_763_690_000_000 };
      const model = new HistoryModel(history.count, history.ageMs);
      const backplane = memoryBackplane({ history, now: () => clock.now });
      await backplane.start(
        { id: "n1", ip: "127.0.0.1", port: 8080, connections: () => 0 },
        new ModelSink(model),
      );
      for (const [index, step] of sequence.entries()) {
        await take(step, `m${index}`, backplane.broker, model, clock);
      }
      await backplane.stop();
    }),
    { numRuns: 300 },
  );
});

async function take(step: Step, id: string, broker: Broker, model: HistoryModel, clock: { now: number }) {
  if (step.kind === "advance") clock.now += step.ms;
  if (step.kind === "append") {
    const { channel, size } = step;
    const message = { id, type: "chat", body: `"${" ".repeat(size)}"`, timestamp: clock.now, channel };
    model.appended(channel, await broker.append(message));
  }
  if (step.kind === "history") {
    model.page(step.channel, step.query, await broker.history(step.channel, step.query), clock.now);
  }
  if (step.kind === "positions") {
    const positions = await broker.positions(step.channels);
    expect(positions).toHaveLength(step.channels.length);
    for (const [index, channel] of step.channels.entries()) {
      const position = positions[index];
      if (position !== undefined) model.position(channel, position);
    }
  }
}
