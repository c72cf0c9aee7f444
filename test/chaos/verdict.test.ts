import { describe, expect, it } from "vitest";
import type { Channel } from "../../src/protocol/protocol.ts";
import type { Entry } from "./people/person.ts";
import type { Sent } from "./people/writers.ts";
import { judgeMessages, type Listener, toldLosses } from "./verdict/messages.ts";

const CHANNEL = "group:g";

const sent = (n: number, fields: Partial<Sent> = {}): Sent => ({
  id: `w#${n}`,
  writer: "w",
  n,
  channel: CHANNEL,
  at: 10 * n,
  outcome: "confirmed",
  ...fields,
});

const heard = (n: number, offset: number, epoch = "e"): Entry => ({
  kind: "message",
  at: 10 * n + 1,
  channel: CHANNEL,
  id: `w#${n}`,
  offset,
  epoch,
});

const loss = (at: number): Entry => ({ kind: "lost", at, channel: CHANNEL });

const listener = (name: string, ...log: Entry[]): Listener => ({
  name,
  log,
  memberSince: new Map<Channel, number>([[CHANNEL, 0]]),
});

describe("judgeMessages", () => {
  const three = [sent(1), sent(2), sent(3)];

  it("finds nothing where everybody received everything once, in one order", () => {
    const log = [heard(1, 1), heard(2, 2), heard(3, 3)];
    expect(judgeMessages(three, [listener("a", ...log), listener("b", ...log)])).toEqual([]);
  });

  it("finds a confirmed message that did not arrive", () => {
    const breaches = judgeMessages(three, [listener("a", heard(1, 1), heard(3, 3))]);
    expect(breaches).toEqual([expect.stringMatching(/^lost: w#2 .* never reached a$/)]);
  });

  it("accepts a loss that was told after the message was sent, not before", () => {
    expect(judgeMessages(three, [listener("a", heard(1, 1), loss(25), heard(3, 3))])).toEqual([]);
    expect(judgeMessages(three, [listener("a", heard(1, 1), loss(15), heard(3, 3))])).toHaveLength(1);
  });

  it("owes nobody what was not confirmed, or what was sent before they joined", () => {
    expect(judgeMessages([sent(1, { outcome: "unknown" })], [listener("a")])).toEqual([]);
    const late = { ...listener("a"), memberSince: new Map<Channel, number>([[CHANNEL, 50]]) };
    expect(judgeMessages(three, [late])).toEqual([]);
  });

  it("finds a message that came twice, unless a loss was told between", () => {
    expect(judgeMessages([sent(1)], [listener("a", heard(1, 1), heard(1, 2))])).toContain(
      "doubled: a received w#1 of group:g 2 times",
    );
    expect(judgeMessages([sent(1)], [listener("a", heard(1, 1), loss(30), heard(1, 1, "f"))])).toEqual([]);
  });

  it("accepts a second copy of a message whose key may be lost, and no other", () => {
    const log = [heard(1, 1), heard(2, 2), heard(1, 3), heard(3, 4)];
    expect(judgeMessages(three, [listener("a", ...log)], new Set(["w#1"]))).toEqual([]);
    expect(judgeMessages(three, [listener("a", ...log)], new Set(["w#2"]))).not.toEqual([]);
  });

  it("finds messages of one writer that overtook each other", () => {
    const breaches = judgeMessages(three, [listener("a", heard(2, 1), heard(1, 2), heard(3, 3))]);
    expect(breaches).toContain("out of order: a received w#2 before w#1 of group:g");
  });

  it("finds offsets that do not rise", () => {
    const breaches = judgeMessages([sent(1), sent(2)], [listener("a", heard(1, 2), heard(2, 1))]);
    expect(breaches).toContain("out of order: a received 2 before 1 of group:g");
  });

  it("finds two orders", () => {
    const breaches = judgeMessages(
      [sent(1, { writer: "v" }), sent(2)],
      [listener("a", heard(1, 1), heard(2, 2)), listener("b", heard(2, 1), heard(1, 2))],
    );
    expect(breaches).toContain("two orders: w#2 and w#1 are both at e/1 of group:g");
  });

  it("finds a receipt with another offset than that of the message", () => {
    const breaches = judgeMessages([sent(1, { epoch: "e", offset: 9 })], [listener("a", heard(1, 1))]);
    expect(breaches).toEqual(["two orders: w#1 is at e/1 of group:g and at e/9 of group:g"]);
  });

  it("counts the losses that were told", () => {
    expect(toldLosses([listener("a", loss(1)), listener("b")])).toEqual(["a was told of a loss on group:g"]);
  });
});
