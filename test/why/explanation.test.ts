import { describe, expect, it } from "vitest";
import { explain } from "../../src/why/explanation/explanation.ts";
import type { Facts, NodeFacts, OpenConnection } from "../../src/why/facts/known.ts";
import type { Incident, RecordedMessage } from "../../src/why/recorder/recorder.ts";

const AT = 1_000_000;

const MESSAGE: RecordedMessage = {
  id: "m1",
  channel: "user:bob",
  timestamp: AT,
  connections: 1,
  dropped: 0,
};

const OPEN: OpenConnection = {
  ...{ id: "c1", user: "bob", node: "n1", platform: "web", device: "web", connectedAt: AT - 10, address: "" },
  receives: ["user:bob"],
  ...{ replaying: [], denied: [], pendingMessages: 0, pendingBytes: 0, stalledMs: 0 },
};

const nodeFacts = (facts: Partial<NodeFacts>): NodeFacts => ({
  ...{ node: "n1", isRecording: true, since: AT - 100, isPublisher: false, message: MESSAGE, receivers: 1 },
  ...{ latest: [], incidents: [], connections: [OPEN] },
  ...facts,
});

const incident = (fields: Partial<Incident>): Incident => ({
  kind: "dropped",
  ...{ at: AT, until: AT, count: 1, user: "bob", connection: "c1" },
  ...fields,
});

/** What is found of the message for bob, when this node says so. */
function codesFor(node: Partial<NodeFacts>, facts: Partial<Facts> = {}): string[] {
  const known: Facts = {
    query: { message: "m1", user: "bob" },
    now: AT + 1_000_000,
    nodes: [{ node: "n1", facts: nodeFacts(node) }],
    messages: [{ record: MESSAGE, isRecorded: true, cursors: [] }],
    user: { user: "bob", connections: [], blockedMs: 0, durable: [] },
    ...facts,
  };
  return explain(known).findings.map(({ code }) => code);
}

const ended = (code: string, until: number): Incident =>
  incident({ kind: "ended", connectedAt: AT - 10, at: until, until, code, platform: "web", device: "web" });

describe("an explanation", () => {
  it("says that a connection took the message, and no more", () => {
    expect(codesFor({})).toEqual(["delivered"]);
  });

  it("says that a message waits behind a client that does not read", () => {
    expect(codesFor({ connections: [{ ...OPEN, pendingMessages: 3, stalledMs: 5_000 }] })).toEqual([
      "queued",
    ]);
    expect(codesFor({ connections: [{ ...OPEN, replaying: ["user:bob"] }] })).toEqual(["replaying"]);
  });

  it.each([
    ["lost", AT + 5_000, ["disconnected"]],
    ["slow", AT + 5_000, ["slow"]],
    ["client_left", AT + 3_600_000, ["delivered"]],
    ["client_left", AT - 5, ["not_connected"]],
    ["kicked", AT - 5, ["disconnected", "not_connected"]],
    ["token_expired", AT - 5, ["login_expired", "not_connected"]],
  ])("knows what the end of a connection meant: %s", (cause, until, codes) => {
    expect(codesFor({ connections: [], incidents: [ended(cause, until)] })).toEqual(codes);
  });

  it("takes a message that falls into a run of refusals for one of them", () => {
    const run = incident({ message: "m0", at: AT - 100, until: AT + 100, count: 500, code: "dropped" });
    expect(codesFor({ incidents: [run] })).toEqual(["queue_full"]);
    expect(codesFor({ incidents: [{ ...run, until: AT - 1 }] })).toEqual(["delivered"]);
  });

  it("tells a message that never came to the node of the connection from one that it has forgotten", () => {
    expect(codesFor({ message: undefined })).toEqual(["not_routed"]);
    expect(codesFor({ message: undefined, since: AT + 1 })).toEqual(["delivered"]);
  });

  it("does not take a login that the limit of another user refused for one of this user", () => {
    const away: Partial<Facts> = { query: { user: "bob" }, messages: [] };
    const stranger = (code: string, detail: string): Incident =>
      incident({ kind: "turned_away", user: undefined, connection: undefined, code, detail });
    const limited = stranger("rate_limited", "too many logins of one user: try again in 9 ms");
    const byAddress = stranger("rate_limited", "too many logins from one address: try again in 9 ms");
    const codesOf = (incidents: Incident[]): string[] => codesFor({ connections: [], incidents }, away);
    expect(codesOf([limited])).toEqual(["not_connected", "no_message"]);
    expect(codesOf([limited, byAddress])).toEqual(["not_connected", "rate_limited", "no_message"]);
  });

  it("names the nodes that told nothing", () => {
    const nodes = [
      { node: "n1", facts: nodeFacts({}) },
      { node: "n2", error: "node n2 did not answer within 2000 ms" },
    ];
    const { findings, nodes: asked } = explain({
      query: { message: "m1" },
      now: AT,
      nodes,
      messages: [{ record: MESSAGE, isRecorded: true, cursors: [] }],
    });
    expect(findings.map(({ code }) => code)).toEqual(["delivered", "node_silent"]);
    expect(asked).toMatchObject([{ node: "n1" }, { node: "n2", error: expect.stringContaining("n2") }]);
  });
});
