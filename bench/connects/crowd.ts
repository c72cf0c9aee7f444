/** The process of the clients. */
import { setTimeout as sleep } from "node:timers/promises";
import { SignJWT } from "jose";
import { answerCalls } from "../rig/rig.ts";
import { Guest, type Kind, SECRET } from "./guests.ts";

/** How clients come or go: so many a second, whether the server keeps up or not; or so many at a time, as fast as it can. */
export type Pace = { readonly perSecond: number } | { readonly atOnce: number };

export interface Coming {
  readonly port: number;
  readonly kind: Kind;
  readonly count: number;
  readonly pace: Pace;
}

/** A type alias, because the calls of an API are looked up by name. */
export type CrowdApi = {
  /** Lets clients come. Resolves when all of them are connected. */
  come(coming: Coming): Promise<void>;
  /** Lets all clients go. Resolves when the server has ended their sockets. */
  go(pace: Pace): Promise<void>;
};

/** Paths of upgrades by the number of the client. They are made before the first connect. */
const paths: Record<Kind, string[]> = { ws: [], development: [], token: [] };

const MAKE_PATH: Record<Kind, (user: string) => string | Promise<string>> = {
  ws: (user) => `/?user_id=${user}`,
  development: (user) => `/ws?user_id=${user}&platform=web`,
  token: async (user) => `/ws?token=${await tokenOf(user)}&platform=web`,
};

const tokenOf = (user: string): Promise<string> =>
  new SignJWT({ sub: user })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt()
    .setExpirationTime("2h")
    .sign(Buffer.from(SECRET));

let guests: Guest[] = [];

/** Begins `count` acts at a pace. Resolves when all are done. */
async function paced(count: number, pace: Pace, act: (index: number) => Promise<void>): Promise<void> {
  if ("atOnce" in pace) return inTurns(count, pace.atOnce, act);
  const startedAt = performance.now();
  const acts: Promise<void>[] = [];
  while (acts.length < count) {
    const due = ((performance.now() - startedAt) * pace.perSecond) / 1_000;
    while (acts.length < Math.min(due, count)) acts.push(act(acts.length));
    await sleep(1);
  }
  await Promise.all(acts);
}

async function inTurns(count: number, lanes: number, act: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

answerCalls<CrowdApi>({
  async come({ port, kind, count, pace }) {
    const known = paths[kind];
    while (known.length < count) known.push(await MAKE_PATH[kind](`guest-${known.length}`));
    await paced(count, pace, (index) => {
      const guest = new Guest(port, kind, index, known[index] ?? "");
      guests.push(guest);
      return guest.come();
    });
  },
  async go(pace) {
    const leaving = guests;
    guests = [];
    await paced(leaving.length, pace, async (index) => leaving[index]?.leave());
  },
});
