/**
 * `npm run bench:connects`: what a connect costs, beside a bare server of `ws`. Servers in processes of their own take the same clients by turns, at a
 * steady rate and as fast as they can. Each figure is processor time of the server. See README.md.
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { summarise } from "../measure/statistics.ts";
import { Caller, spawnNode } from "../rig/rig.ts";
import type { CrowdApi, Pace } from "./crowd.ts";
import type { Kind } from "./guests.ts";
import type { ServerApi, Usage } from "./server.ts";

const { values } = parseArgs({
  options: {
    turns: { type: "string", default: "7" },
    connects: { type: "string", default: "1500" },
    rate: { type: "string", default: "500" },
    before: { type: "string" },
    profile: { type: "boolean", default: false },
  },
});
const [turns, connects, rate] = [values.turns, values.connects, values.rate].map(Number) as [
  number,
  number,
  number,
];
if (!(turns >= 1 && connects >= 100 && rate >= 1)) {
  throw new Error("--turns, --rate: expected whole numbers from 1; --connects: from 100");
}

/** The promise: a connect with a login costs so many times one of the bare server at most. */
const MAX_RATIO = 1.2;
/** Turns before the first one that counts, in which V8 compiles. */
const WARM_UP = 3;

const TITLES: Record<Kind, string> = {
  ws: "ws, one frame and no login",
  development: "Tidings, ?user_id=",
  token: "Tidings, ?token= (HS256)",
};
const KINDS = Object.keys(TITLES) as Kind[]; // the names of a record

/** Folders with the code to measure, by their titles. */
const CHECKOUTS: Record<string, string> = {
  "": fileURLToPath(new URL("../../", import.meta.url)),
  ...(values.before === undefined ? {} : { ", before": resolve(values.before) }),
};

const PACES: Record<string, Pace> = {
  [`${rate} a second`]: { perSecond: rate },
  "as fast as it can": { atOnce: 100 },
};

/** Processor time for each client, in microseconds. */
interface Cost {
  readonly connect: Usage;
  /** Of its end. */
  readonly disconnect: Usage;
}

/** Profiles go there. */
const RAW = fileURLToPath(new URL("../results/raw/", import.meta.url));

const total = ({ user, system }: Usage): number => user + system;

/** A server under test. */
class Subject {
  readonly kind: Kind;
  readonly title: string;
  /** By the name of the pace. */
  readonly costs: Record<string, Cost[]> = Object.fromEntries(Object.keys(PACES).map((name) => [name, []]));
  readonly #server: Caller<ServerApi>;
  readonly #crowd: Caller<CrowdApi>;
  readonly #port: number;

  private constructor(
    kind: Kind,
    title: string,
    server: Caller<ServerApi>,
    crowd: Caller<CrowdApi>,
    port: number,
  ) {
    this.kind = kind;
    this.title = title;
    this.#server = server;
    this.#crowd = crowd;
    this.#port = port;
  }

  /** @param checkout title of the code */
  static async start(kind: Kind, checkout: string, crowd: Caller<CrowdApi>): Promise<Subject> {
    const title = `${TITLES[kind]}${checkout}`;
    const program = resolve(CHECKOUTS[checkout] ?? "", "bench/connects/server.ts");
    const profile = values.profile ? { directory: RAW, name: `connects-${kind}${checkout}` } : undefined;
    const server = await Caller.start<ServerApi>(spawnNode([program, kind], profile), title);
    return new Subject(kind, title, server, crowd, await server.call("port", undefined));
  }

  /** Lets clients come and go. */
  async measure(pace: Pace): Promise<Cost> {
    const { kind } = this;
    const before = await this.#server.call("usage", undefined);
    await this.#crowd.call("come", { port: this.#port, kind, count: connects, pace });
    const between = await this.#usageAt(connects);
    await this.#crowd.call("go", pace);
    const after = await this.#usageAt(0);
    return { connect: costBetween(before, between), disconnect: costBetween(between, after) };
  }

  async stop(): Promise<void> {
    await this.#server.close();
  }

  /** Waits until the server has so many connections. */
  async #usageAt(open: number): Promise<Usage> {
    for (let look = 0; (await this.#server.call("open", undefined)) !== open; look++) {
      if (look === 100) throw new Error(`${this.title}: expected ${open} open connections`);
      await sleep(20);
    }
    return this.#server.call("usage", undefined);
  }
}

const costBetween = (before: Usage, after: Usage): Usage => ({
  user: (after.user - before.user) / connects,
  system: (after.system - before.system) / connects,
});

const show = (figures: readonly number[], digits = 0): string => {
  const { median, low, high } = summarise(figures);
  return `${median.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
};

/** Ratios to the control, one for each turn. */
const ratios = (own: readonly Cost[], control: readonly Cost[], cost: (cost: Cost) => number): number[] =>
  own.map((each, turn) => cost(each) / cost(control[turn] as Cost)); // as many turns for all

const ofConnect = ({ connect }: Cost): number => total(connect);
const ofBoth = ({ connect, disconnect }: Cost): number => total(connect) + total(disconnect);

mkdirSync(RAW, { recursive: true });
const crowd = await Caller.start<CrowdApi>(
  spawnNode([fileURLToPath(new URL("crowd.ts", import.meta.url))]),
  "crowd",
);
const control = await Subject.start("ws", "", crowd);
const hubs = KINDS.filter((kind) => kind !== "ws").flatMap((kind) =>
  Object.keys(CHECKOUTS).map((checkout) => Subject.start(kind, checkout, crowd)),
);
const subjects = [control, ...(await Promise.all(hubs))];
for (let turn = -WARM_UP; turn < turns; turn++) {
  for (const [name, pace] of Object.entries(PACES)) {
    for (const subject of subjects) {
      if (turn >= 0) subject.costs[name]?.push(await subject.measure(pace));
      else await subject.measure({ atOnce: 100 });
    }
  }
  console.error(turn < 0 ? "warming up" : `turn ${turn + 1} of ${turns}`);
}
for (const subject of subjects) await subject.stop();
await crowd.close();

let isKept = true;
console.log("| | clients | connect | user | system | × ws | connect and close | × ws |");
console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const name of Object.keys(PACES)) {
  for (const { title, costs } of subjects) {
    const own = costs[name] ?? [];
    const connectRatios = ratios(own, control.costs[name] ?? [], ofConnect);
    const cells = [
      `${show(own.map(ofConnect))} µs`,
      summarise(own.map(({ connect }) => connect.user)).median.toFixed(0),
      summarise(own.map(({ connect }) => connect.system)).median.toFixed(0),
      show(connectRatios, 2),
      `${show(own.map(ofBoth))} µs`,
      show(ratios(own, control.costs[name] ?? [], ofBoth), 2),
    ];
    console.log(`| ${title} | ${name} | ${cells.join(" | ")} |`);
    if (title === TITLES.development && summarise(connectRatios).median > MAX_RATIO) isKept = false;
  }
}
process.exit(isKept ? 0 : 1);
