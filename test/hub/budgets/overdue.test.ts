import { describe, expect, it } from "vitest";
import { z } from "zod";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer } from "../../support/peer.ts";

const answered = ({ id, type }: Record<string, unknown>): boolean => id !== undefined && type === undefined;

describe("a handler that hangs", () => {
  it("keeps its connection's place after its timeout, until it has ended", async () => {
    const { hub, url } = await startHub({ timeouts: { handlerMs: 20 } });
    const ends: (() => void)[] = [];
    hub.action("app.hang", z.unknown(), () => new Promise<void>((resolve) => ends.push(resolve)));
    const eve = await connectPeer(url({ user_id: "eve" }));

    for (let id = 1; id <= 40; id++) eve.send({ id, action: "app.hang" });
    const answers = await eve.take(32, answered);

    expect(answers[0]).toMatchObject({ error: { code: "timeout" } });
    const bob = await connectPeer(url({ user_id: "bob" }));
    await bob.caughtUp();
    expect(ends).toHaveLength(32);
    for (const end of ends.splice(0, 8)) end();
    await eventually("the others have begun", () => ends.length === 32);
    for (const end of ends) end();
    await eve.take(40, answered);
    await eve.caughtUp();
  });

  it("is not called again while as many calls hang as the node handles at a time, and others are", async () => {
    const { hub, url } = await startHub({ timeouts: { handlerMs: 20 }, websocket: { messageQueueSize: 4 } });
    let calls = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    hub.action("app.hang", z.unknown(), () => {
      calls++;
      return promise;
    });
    hub.action("app.well", z.unknown(), async () => "well");
    const peers = await Promise.all([1, 2, 3].map((n) => connectPeer(url({ user_id: `u${n}` }))));

    for (const peer of peers) for (let id = 1; id <= 4; id++) peer.send({ id, action: "app.hang" });
    const answers = (await Promise.all(peers.map((peer) => peer.take(4, answered)))).flat();

    expect(calls).toBeLessThanOrEqual(8);
    expect(answers).toContainEqual(
      expect.objectContaining({ error: expect.objectContaining({ code: "unavailable" }) }),
    );
    for (const peer of peers) expect(await peer.request("app.well")).toMatchObject({ data: "well" });
    resolve();
    await eventually("the handler is called again", async () => {
      const { error } = await (peers[0] as (typeof peers)[number]).request("app.hang"); // three have connected
      return error === undefined;
    });
  });
});

describe("a hook or a policy that hangs", () => {
  it.each(["hook", "policy"])("is not called again while a thousand calls of the %s hang", async (kind) => {
    const { hub, url } = await startHub({ timeouts: { hookMs: 20 } });
    let calls = 0;
    const hang = (): Promise<never> => {
      calls++;
      return new Promise<never>(() => undefined);
    };
    const peer = await connectPeer(url({ user_id: "eve" }));
    if (kind === "hook") hub.on("message", hang);
    else hub.authorize(hang);
    const peers = [peer, ...(await connectMore(url, 39))];

    let sent = 0;
    await eventually("a message is refused at once", async () => {
      for (const each of peers) each.send({ id: ++sent, type: "n", to: "bob" });
      const answers = await Promise.all(
        peers.map((each) => each.next(({ id }) => Number(id) > sent - peers.length)),
      );
      return answers.some(({ error }) => JSON.stringify(error).includes("have not ended"));
    });

    expect(calls).toBeLessThan(1_000 + 2 * peers.length);
  });
});

const connectMore = (url: (parameters: Record<string, string>) => string, count: number) =>
  Promise.all(Array.from({ length: count }, (_, n) => connectPeer(url({ user_id: `u${n}` }))));
