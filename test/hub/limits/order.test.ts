import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { Observed } from "../../client/harness.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, type Frame, type Peer } from "../../support/peer.ts";

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Sends a message and returns the code of its refusal, or undefined. */
async function refusalOf(peer: Peer, id: number, fields: object): Promise<Frame | undefined> {
  peer.send({ id, type: "n", to: "bob", data: id, ...fields });
  const answer = await peer.next((frame) => frame.id === id && frame.type === undefined);
  return answer.error as Frame | undefined; // as the protocol says
}

test("a refused message keeps its place: later ones with a key are refused until it comes again", async () => {
  const { hub, url } = await startHub({ limits: { messagesPerConnection: "4-S" } });
  const peer = await connectPeer(url({ user_id: "alice" }));
  let id = 0;
  let first: Frame | undefined;
  while (first === undefined) first = await refusalOf(peer, ++id, { key: `k${id}` });
  const refused = `k${id}`;

  // A message without a key is not repeated by its client, and waits for none: it shows that the limit has room again.
  while ((await refusalOf(peer, ++id, {})) !== undefined);
  expect(await refusalOf(peer, ++id, { key: "later" })).toMatchObject({
    code: "rate_limited",
    message: expect.stringMatching(/^too many messages before this one/),
    retryAfterMs: expect.any(Number),
  });
  let again: Frame | undefined;
  do again = await refusalOf(peer, ++id, { key: refused, data: "refused" });
  while (again !== undefined);
  do again = await refusalOf(peer, ++id, { key: "later", data: "later" });
  while (again !== undefined);

  const { messages } = await hub.history("user:bob", { limit: 100 });
  expect(messages.slice(-2).map(({ data }) => data)).toEqual(["refused", "later"]);
});

/** A WebSocket class on a slow network: each frame of the server arrives 200 ms late. */
class Slow extends WebSocket {
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event !== "message") return super.emit(event, ...values);
    setTimeout(() => super.emit(event, ...values), 200);
    return true;
  }
}

test("2,000 messages of 20 clients at the edge of their rate arrive once each, in order", async () => {
  const { hub, at } = await startHub({
    limits: { messagesPerConnection: "20-S", refusalsPerConnection: "100000-M" },
    history: { count: 1_000 },
  });
  const counts = range(20);
  const clients = counts.map(
    (n) => new Observed(`${at.url}/ws`, { user: `from-${n}`, autoAck: false, WebSocket: Slow }),
  );
  await Promise.all(clients.map(({ client }) => client.ready));

  // A little faster than the rate: refusals come at the end of each window, and what is on the way meets the next one.
  const sent: Promise<unknown>[] = [];
  for (const data of range(100)) {
    for (const [n, { client }] of clients.entries()) {
      sent.push(client.send({ type: "n", to: `to-${n}`, data }, { signal: AbortSignal.timeout(60_000) }));
    }
    await new Promise((resolve) => setTimeout(resolve, 45));
  }
  await Promise.all(sent);

  for (const n of counts) {
    const { messages } = await hub.history(`user:to-${n}`, { limit: 200 });
    expect(messages.map(({ data }) => data)).toEqual(range(100));
  }
  await Promise.all(clients.map(({ client }) => client.close()));
});
