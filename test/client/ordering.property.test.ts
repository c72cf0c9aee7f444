import fc from "fast-check";
import { expect, test } from "vitest";
import { Ordering } from "../../src/client/messages/ordering.ts";
import type { Position, PositionFrame, Push } from "../../src/protocol/protocol.ts";

const CHANNEL = "user:alice";

type Frame = { push: Push } | { position: PositionFrame };

/** The server's side of one channel, as the protocol defines it, over a connection that loses and repeats frames. */
class Simulation {
  /** Number of published messages. The data of each is its number. */
  published = 0;
  /** The client's output in order: numbers of delivered messages, and losses. */
  readonly output: (number | "lost")[] = [];
  readonly ordering = new Ordering({
    deliver: ({ data }) => this.output.push(Number(data)),
    lost: () => this.output.push("lost"),
    gap: () => this.ask(),
  });
  #epoch = 0;
  #last = 0;
  /** The history. An entry without `push` is not addressed to this connection. */
  #history: { offset: number; push?: Push }[] = [];
  #wire: Frame[] = [];
  #asked: Position[] = [];

  constructor() {
    this.#wire.push(this.#positionAt(0, true));
  }

  publish(isAddressed: boolean, fate: "sent" | "dropped" | "twice"): void {
    const offset = ++this.#last;
    const push = isAddressed ? this.#push(offset) : undefined;
    this.#history.push({ offset, push });
    const frame = push === undefined ? this.#positionAt(offset, true) : { push };
    if (fate !== "dropped") this.#wire.push(frame);
    if (fate === "twice") this.#wire.push(frame);
  }

  trim(): void {
    this.#history = this.#history.slice(Math.ceil(this.#history.length / 2));
  }

  loseHistory(): void {
    this.#epoch++;
    this.#last = 0;
    this.#history = [];
    this.#wire.push(this.#positionAt(0, false));
  }

  ask(): void {
    const from = this.ordering.position(CHANNEL);
    if (from !== undefined) this.#asked.push(from);
  }

  /** Replies to one resume from the present history. */
  answer(): void {
    const from = this.#asked.shift();
    if (from !== undefined) this.#replay(from);
  }

  receive(count: number): void {
    for (const frame of this.#wire.splice(0, count)) {
      if ("push" in frame) this.ordering.receive(frame.push);
      else this.ordering.move(frame.position);
    }
  }

  reconnect(): void {
    this.#wire = [];
    this.#asked = [];
    this.ordering.disconnected();
    const from = this.ordering.login()[CHANNEL];
    if (from === undefined) this.#wire.push(this.#positionAt(this.#last, true));
    else this.#replay(from);
  }

  finish(): void {
    this.reconnect();
    this.receive(Number.POSITIVE_INFINITY);
  }

  #replay({ epoch, offset }: Position): void {
    const first = this.#history[0]?.offset ?? this.#last + 1;
    const recovered = epoch === `e${this.#epoch}` && offset >= first - 1 && offset <= this.#last;
    const start = recovered ? offset : first - 1;
    this.#wire.push(this.#positionAt(start, recovered));
    for (const { offset: next, push } of this.#history) {
      if (next > start) this.#wire.push(push === undefined ? this.#positionAt(next, true) : { push });
    }
  }

  #push(offset: number): Push {
    const data = ++this.published;
    return { type: "chat", data, timestamp: 1, to: "alice", id: `m${data}`, offset };
  }

  #positionAt(offset: number, recovered: boolean): Frame {
    return { position: { event: "position", channel: CHANNEL, epoch: `e${this.#epoch}`, offset, recovered } };
  }
}

const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(fc.constantFrom(true, true, true, false), fc.constantFrom("sent", "sent", "dropped", "twice"))
      .map(
        ([isAddressed, fate]) =>
          (it: Simulation) =>
            it.publish(isAddressed, fate),
      ),
  },
  { weight: 6, arbitrary: fc.nat(8).map((count) => (it: Simulation) => it.receive(count)) },
  { weight: 4, arbitrary: fc.constant((it: Simulation) => it.answer()) },
  { weight: 2, arbitrary: fc.constant((it: Simulation) => it.reconnect()) },
  { weight: 1, arbitrary: fc.constant((it: Simulation) => it.trim()) },
  { weight: 1, arbitrary: fc.constant((it: Simulation) => it.ask()) },
  { weight: 1, arbitrary: fc.constant((it: Simulation) => it.loseHistory()) },
);

test("delivers each message once and in order, or reports the loss, after any drops, repeats and trims", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
      const simulation = new Simulation();
      simulation.receive(1);
      for (const take of steps) take(simulation);
      simulation.finish();
      let last = 0;
      let isLossReported = false;
      for (const item of [...simulation.output, simulation.published + 1]) {
        if (item === "lost") {
          isLossReported = true;
          continue;
        }
        expect(item).toBeGreaterThan(last);
        if (!isLossReported) expect(item).toBe(last + 1);
        last = item;
        isLossReported = false;
      }
    }),
    { numRuns: 2_000 },
  );
});
