import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { metricsOf } from "../../hub/limits/scrape.ts";
import { eventually } from "../../support/eventually.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { connectPeer, type Peer } from "../../support/peer.ts";
import { connectRaw, upgradeRequest } from "../../support/raw.ts";
import { textFrame } from "../../support/wire.ts";

const EVE = "127.0.0.66";
const whitelistCIDRs: string[] = [];

/** A client of another address. */
const neighbour = (running: RunningHub, user: string): Promise<Peer> =>
  connectPeer(running.url({ user_id: user }), { localAddress: "127.0.0.7" });

/** Sends messages and awaits each receipt. */
async function talk(peer: Peer, to: string, count = 50): Promise<void> {
  for (let id = 1; id <= count; id++) {
    peer.send({ id, type: "n", to, data: id });
    const answer = await peer.next((frame) => frame.id === id);
    expect(answer).not.toHaveProperty("error");
    peer.frames.length = 0;
  }
}

describe("while one address abuses a node, the others work and are never limited:", () => {
  it("handshakes that never end", async () => {
    const running = await startHub({ websocket: { maxHandshakes: 200, handshakeTimeoutMs: 60_000 } });
    const { hub, at } = running;
    const bob = await neighbour(running, "bob");
    let cut = 0;
    for (let n = 0; n < 400; n++) {
      const socket = connect({ port: at.port, host: at.host, localAddress: EVE });
      socket.on("error", () => undefined).on("close", () => cut++);
      onTestFinished(() => void socket.destroy());
      socket.write("GET /ws HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    }
    await eventually("the oldest handshakes are cut", () => cut >= 199);
    await talk(bob, "carol");
    const carol = await neighbour(running, "carol");
    await talk(carol, "bob");
    expect(await hub.presence.count()).toEqual({ users: 2, connections: 2 });
    const { denied, shed } = await metricsOf(running);
    expect([...Object.values(denied), ...Object.values(shed)].every((count) => count === 0)).toBe(true);
  });

  it("connects without end", async () => {
    const running = await startHub({ limits: { connectsPerAddress: "100-H", whitelistCIDRs } });
    const { at, url } = running;
    const bob = await neighbour(running, "bob");
    const statuses: string[] = [];
    const attempt = async (): Promise<void> => {
      const socket = connect({ port: at.port, host: at.host, localAddress: EVE });
      onTestFinished(() => void socket.destroy());
      socket.on("error", () => undefined);
      socket.write(upgradeRequest(url({ user_id: `eve${statuses.length}` })));
      const [head] = await once(socket, "data");
      statuses.push(String(head).slice(9, 12));
    };
    const attacks = Array.from({ length: 8 }, async () => {
      for (let n = 0; n < 100; n++) await attempt();
    });
    await talk(bob, "carol");
    await Promise.all(attacks);
    const counts = (status: string): number => statuses.filter((each) => each === status).length;
    expect([counts("101"), counts("429"), statuses.length]).toEqual([100, 700, 800]);
    await neighbour(running, "carol");
    const { denied } = await metricsOf(running);
    expect(denied).toMatchObject({ connects_address: 700, connects_node: 0, messages_user: 0 });
  });

  it("a client at a hundred times its rate", async () => {
    const running = await startHub({
      limits: { messagesPerConnection: "200-H", refusalsPerConnection: "100-H" },
    });
    const [bob, carol] = [await neighbour(running, "bob"), await neighbour(running, "carol")];
    const eve = await connectRaw(running.url({ user_id: "eve" }));
    const frame = (n: number) => textFrame({ id: n, type: "n", to: "bob", ephemeral: true });
    for (let from = 0; from < 20_000; from += 1_000) {
      eve.write(...Array.from({ length: 1_000 }, (_, n) => frame(from + n)));
    }
    await talk(carol, "bob");
    await talk(bob, "carol");
    expect((await eve.closed).code).toBe(4006);
    const answers = eve.frames
      .filter(({ id }) => id !== undefined)
      .sort((one, other) => Number(one.id) - Number(other.id));
    // Each has its own answer, up to the one that ended the connection.
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 301 }, (_, n) => n));
    const isRefused = answers.map(({ error }) => error !== undefined);
    expect(isRefused.indexOf(true)).toBe(200);
    expect(isRefused.slice(200).every(Boolean)).toBe(true);
    const { denied } = await metricsOf(running);
    expect(denied).toMatchObject({ messages_connection: 101, messages_user: 0, messages_address: 0 });
  });
});
