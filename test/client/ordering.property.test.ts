import fc from "fast-check";
import { expect, test } from "vitest";
import { Ordering } from "../../src/client/messages/ordering.ts";
import type { Position, PositionFrame, Push } from "../../src/protocol/protocol.ts";

const CHANNEL = "user:alice";

type Frame = { push: Push } | { position: PositionFrame };

/** A server's side of one channel, by the letter of the protocol, over a connection that loses and repeats frames. */
class Simulation {
  /** Every message ever published, in order; the number is its place here. */
  published = 0;
  /** What the client told: messages by that place, and losses. */
  readonly told: (number | "lost")[] = [];
  readonly ordering = new Ordering({
    deliver: ({ data }) => this.told.push(Number(data)),
    lost: () => this.told.push("lost"),
    gap: () => this.ask(),
  });
  #epoch = 0;
  #last = 0;
  /** Messages that the history holds; without `push`, not addressed to this connection. */
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

  /** The server answers one resume, from the history as it is now. */
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

  settle(): void {
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
    return { position: { type: "position", channel: CHANNEL, epoch: `e${this.#epoch}`, offset, recovered } };
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

test("whatever is dropped, repeated, trimmed or lost: each message comes once, in order, or the loss is told", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
      const simulation = new Simulation();
      simulation.receive(1);
      for (const take of steps) take(simulation);
      simulation.settle();
      let last = 0;
      let isLossTold = false;
      for (const told of [...simulation.told, simulation.published + 1]) {
        if (told === "lost") {
          isLossTold = true;
          continue;
        }
        expect(told).toBeGreaterThan(last);
        if (!isLossTold) expect(told).toBe(last + 1);
        last = told;
        isLossTold = false;
      }
    }),
    { numRuns: 2_000 },
  );
});
