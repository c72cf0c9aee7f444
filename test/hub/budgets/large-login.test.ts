import { describe, expect, it } from "vitest";
import { startHub } from "../../support/hub.ts";
import { connectPeer, Peer } from "../../support/peer.ts";

const positions = (count: number): Record<string, { epoch: string; offset: number }> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`group:g${n}`, { epoch: "e", offset: 0 }] as const),
  );

/** Lets the clock advance by some milliseconds, as a policy that computes does. */
function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** The login exceeds the budget before it. */
const large = { websocket: { maxLoginBytes: 524_288 } };

describe("a login that names many groups", () => {
  it("lets the event loop go round between its questions to the policy", async () => {
    const { hub, url } = await startHub(large);
    const eve = new Peer(url());
    await new Promise((resolve) => eve.socket.once("open", resolve));
    let asked = 0;
    let rounds = 0;
    const round = (): void => {
      rounds++;
      if (asked < 1_000) setImmediate(round);
    };
    hub.authorize(() => {
      if (asked++ === 0) setImmediate(round);
      compute(0.1);
      return true;
    });

    eve.send({ id: 1, action: "robot.login", data: { user_id: "eve", resume: positions(1_000) } });
    await eve.frame("welcome");

    expect(asked).toBe(1_000);
    expect(rounds).toBeGreaterThan(5);
    await eve.next(({ id }) => id === 1);
    expect(eve.frames.filter(({ event }) => event === "position")).toHaveLength(1_002);
    eve.end();
  });

  it("is refused with 1,001 channels, before anybody is asked", async () => {
    const { hub, url } = await startHub(large);
    let asked = 0;
    hub.authorize(() => {
      asked++;
      return true;
    });
    const eve = new Peer(url());
    await new Promise((resolve) => eve.socket.once("open", resolve));

    eve.send({ id: 1, action: "robot.login", data: { user_id: "eve", resume: positions(1_001) } });

    const { code, reason } = await eve.closed;
    expect({ code, asked }).toEqual({ code: 4505, asked: 0 });
    expect(reason).toContain("resume: expected at most 1,000 channels");
  });

  it("delays no other request while the user's durable groups are joined and replayed", async () => {
    const { hub, url } = await startHub(large);
    for (let n = 0; n < 3_000; n++) await hub.group(`g${n}`).add("eve");
    const bob = await connectPeer(url({ user_id: "bob" }));
    const eve = new Peer(url({ user_id: "eve" }));
    await eve.frame("welcome");
    let answers = 0;
    while (eve.frames.filter(({ event }) => event === "position").length < 3_002) {
      await bob.caughtUp();
      answers++;
    }
    expect(answers).toBeGreaterThan(3);
    eve.end();
  });
});
