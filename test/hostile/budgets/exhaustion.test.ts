import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type HubProcess, startHubProcess } from "../../support/hub-process/hub-process.ts";
import { connectPeer, type Peer } from "../../support/peer.ts";
import { connectRaw, connectTo, RawPeer } from "../../support/raw.ts";
import { clientFrame, OPCODE } from "../../support/wire.ts";

const KIB = 1_024;
const MIB = 1_048_576;

const times = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** The beginning of a message of 500 KiB. */
const half = clientFrame({ payload: Buffer.alloc(500 * KIB, "x") }).subarray(0, 499 * KIB);

const fragments = Buffer.concat([
  clientFrame({ payload: "x", fin: false }),
  ...times(16_000, () => clientFrame({ opcode: OPCODE.continuation, payload: "x", fin: false })),
]);

const requests = "GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(5_000);

async function plain(hub: HubProcess, text: string): Promise<Socket> {
  const socket = connectTo(hub.url());
  await once(socket, "connect");
  socket.pause();
  socket.write(text);
  return socket;
}

/** Attacks: each gives the sockets that it keeps open. */
const ATTACKS: Record<string, (hub: HubProcess) => Promise<Socket[]>> = {
  "unfinished fragments before the login": async (hub) =>
    times(131, () => new RawPeer(hub.url(), {}, fragments).socket),
  "unfinished messages before the login": async (hub) =>
    times(300, () => new RawPeer(hub.url(), {}, half).socket),
  "unfinished messages after the login": async (hub) => {
    const peers = await Promise.all(times(300, (n) => connectRaw(hub.url({ user_id: `u${n}` }))));
    for (const peer of peers) peer.write(half);
    return peers.map(({ socket }) => socket);
  },
  "pipelined requests whose responses nobody reads": (hub) =>
    Promise.all(times(12, () => plain(hub, requests))),
  "keep-alive sockets": (hub) =>
    Promise.all(times(300, () => plain(hub, "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))),
};

/** Rounds in which the server reads all that it is willing to read, and another client is served. */
async function calm(hub: HubProcess, other: Peer): Promise<void> {
  for (let n = 0; n < 50; n++) {
    await other.caughtUp();
    await hub.count();
  }
}

/** Attacks, and goes. @returns resident bytes when the memory has come back */
async function attack(
  hub: HubProcess,
  other: Peer,
  begin: (hub: HubProcess) => Promise<Socket[]>,
): Promise<number> {
  const before = await hub.memory();
  const sockets = await begin(hub);
  await calm(hub, other);
  for (const socket of sockets) socket.destroy();
  await eventually("only the other client is left", async () => (await hub.count()).connections === 1);
  await eventually("memory has come back", async () => (await hub.memory()) - before < 8 * MIB);
  return hub.rss();
}

describe("a node with a heap of 256 MiB", () => {
  it.each(Object.entries(ATTACKS))(
    "outlives %s, serves others, and gets its memory back",
    async (_what, begin) => {
      const hub = await startHubProcess({ presence: { graceMs: 1 } }, "--max-old-space-size=256");
      const other = await connectPeer(hub.url({ user_id: "other" }));
      await attack(hub, other, begin); // the first one fills the pools of V8 and malloc
      let former = await attack(hub, other, begin);
      const growths: number[] = [];
      // What malloc gives back differs from one attack to the next; what leaks is there after each of them.
      while (growths.length < 3 && growths.every((growth) => growth >= 1.1)) {
        const resident = await attack(hub, other, begin);
        growths.push(resident / former);
        former = resident;
      }
      expect(Math.min(...growths)).toBeLessThan(1.1);
      expect(await hub.failures()).toEqual([]);
    },
  );
});
