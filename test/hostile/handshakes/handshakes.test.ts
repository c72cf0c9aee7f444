import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { SignJWT } from "jose";
import { expect, it, onTestFinished } from "vitest";
import { HubProcess, startHubProcess } from "../../support/hub-process/hub-process.ts";
import { connectPeer, Peer } from "../../support/peer.ts";
import { needs } from "../../support/tools.ts";
import { casesFrom, play } from "./play.ts";
import { startHaproxy, startNginx } from "./proxies.ts";

needs("haproxy");
needs("nginx");

/** `npm run test:handshakes` sets these, to run longer or to repeat a run. */
const { HANDSHAKES_SEED, HANDSHAKES_MINUTES, HANDSHAKES_FROM = "0" } = process.env;
const seed = Number(HANDSHAKES_SEED ?? Math.floor(Math.random() * 2 ** 31));
const minutes = HANDSHAKES_MINUTES === undefined ? undefined : Number(HANDSHAKES_MINUTES);

/** Cases of a run without a time: some fifteen seconds' worth. */
const CASES = 6_000;

/** Connections that are open at once. */
const WIDTH = 32;

/** Cases between two looks at the hubs. */
const ROUND = 500;

interface Target {
  readonly name: string;
  readonly hub: HubProcess;
  readonly port: number;
  /** Credentials of a client that is served. */
  readonly login: Record<string, string>;
}

const SECRET = "a secret of tests that has 32 bytes";

const tokenOf = (user: string): Promise<string> =>
  new SignJWT({ sub: user })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("10h")
    .sign(new TextEncoder().encode(SECRET));

/** Hubs in processes of their own, which an unhandled rejection or an uncaught exception ends, and the ways to them. */
async function startTargets(): Promise<Target[]> {
  const own = await startHubProcess({ publish: { ackTimeoutMs: 1 }, websocket: { enableCompression: true } });
  const child = fork(join(import.meta.dirname, "../programs/embedding.ts"));
  onTestFinished(() => void child.kill());
  const [{ url }] = await once(child, "message");
  const attached = new HubProcess(child, url.replace("http", "ws"));
  const tokens = await startHubProcess({ jwt: { secret: SECRET } });
  const login = { user_id: "served" };
  const token = { token: await tokenOf("served") };
  const portOf = (hub: HubProcess): number => Number(new URL(hub.url()).port);
  return [
    { name: "the hub's own server", hub: own, port: portOf(own), login },
    { name: "an application's server", hub: attached, port: portOf(attached), login },
    { name: "HAProxy", hub: own, port: await startHaproxy(portOf(own)), login },
    { name: "HAProxy and an application", hub: attached, port: await startHaproxy(portOf(attached)), login },
    { name: "nginx", hub: own, port: await startNginx(portOf(own)), login },
    { name: "a hub with tokens", hub: tokens, port: portOf(tokens), login: token },
    { name: "HAProxy and tokens", hub: tokens, port: await startHaproxy(portOf(tokens)), login: token },
  ];
}

/** Rejects when a process has ended, a client is not served, or a hub has reported a failure of its own. */
async function assertServed(targets: readonly Target[], watchers: readonly Peer[]): Promise<void> {
  for (const { name, hub, port, login } of targets) {
    const peer = await Peer.connect(`ws://127.0.0.1:${port}/ws?${new URLSearchParams(login)}`);
    await peer.caughtUp();
    peer.end();
    expect(await hub.failures(), name).toEqual([]);
  }
  for (const watcher of watchers) await watcher.caughtUp();
}

it(
  "nothing that a peer sends ends the process, or a connection of another",
  async () => {
    const targets = await startTargets();
    const watchers = await Promise.all(targets.map(({ hub, login }) => connectPeer(hub.url(login))));
    const endsAt = minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + minutes * 60_000;
    const first = Number(HANDSHAKES_FROM);
    let last = first;
    const queue = casesFrom(seed, first);
    const isOver = (): boolean =>
      Date.now() >= endsAt || (minutes === undefined && last >= first + CASES - 1);

    const work = async (): Promise<void> => {
      while (!isOver() && last < roundEnd) {
        const { value } = queue.next();
        const [number, each] = value;
        last = number;
        await play(each, targets[number % targets.length]?.port ?? 0);
      }
    };
    let roundEnd = first;
    while (!isOver()) {
      roundEnd += ROUND;
      const since = last;
      await Promise.all(Array.from({ length: WIDTH }, work));
      const about = `npm run test:handshakes -- --seed ${seed} --from ${since} (fails before case ${last + 1})`;
      await expect(assertServed(targets, watchers), about).resolves.toBeUndefined();
    }
    console.log(`handshakes: seed ${seed}, cases ${first} to ${last}`);
  },
  300_000 + (minutes ?? 0) * 60_000,
);
