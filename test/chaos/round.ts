import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../support/eventually.ts";
import type { Fault } from "./faults/faults.ts";
import { type Crowd, gather } from "./people/crowd.ts";
import { Dice, type Plan, planOf, type Step } from "./plan.ts";
import type { Kind } from "./redis/kind.ts";
import { judgeMessages, missing, toldLosses } from "./verdict/messages.ts";
import { judgePresence } from "./verdict/presence.ts";
import { World } from "./world.ts";

export interface RoundOptions {
  readonly kind: Kind;
  readonly seed: number;
  /** Faults in each lane. */
  readonly steps: number;
  readonly faults: readonly Fault[];
  /** Called with each fault when it begins. */
  readonly onStep?: (lane: string, step: Step) => void;
}

export interface RoundResult {
  readonly plan: Plan;
  /** A line for each breach; empty when everything held. */
  readonly breaches: readonly string[];
  readonly confirmed: number;
  readonly unknown: number;
  readonly losses: number;
  /** Output of the nodes. */
  readonly output: string;
}

/** Longest time after the last fault in which everything becomes well again. */
const CALM_MS = 60_000;

/** Runs the faults of a seed in a world of its own, and judges what people saw. */
export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { kind, seed, steps, faults } = options;
  const plan = planOf(seed, faults, steps);
  await using world = await World.start(kind);
  await using crowd = await gather(world, new Dice(seed));
  const breaches: string[] = [];
  const lanes = Object.entries(plan).map(([lane, steps]) => runLane(world, lane, steps, options));
  for (const { status, ...outcome } of await Promise.allSettled(lanes)) {
    if (status === "rejected") breaches.push(`fault: ${"reason" in outcome ? outcome.reason : ""}`);
  }
  const inPlan = new Set(Object.values(plan).flatMap((steps) => steps.map(({ fault }) => fault)));
  const used = faults.filter(({ name }) => inPlan.has(name));
  breaches.push(...(await calm(world, crowd)));
  const { sent, people } = crowd;
  const mayRepeat = used.some(({ forgetsKeys }) => forgetsKeys)
    ? sent.filter(({ hasKey }) => hasKey).map(({ id }) => id)
    : [];
  breaches.push(
    ...judgeMessages(sent, people, new Set(mayRepeat)),
    ...people.flatMap(({ surprises }) => surprises),
  );
  const mayLose = used.some(({ loses }) => loses) || (await world.redis.hasFailedOver());
  const losses = toldLosses(people);
  if (!mayLose) breaches.push(...losses.map((loss) => `lost: ${loss}, though no fault destroyed anything`));
  return {
    plan,
    breaches,
    confirmed: sent.filter(({ outcome }) => outcome === "confirmed").length,
    unknown: sent.filter(({ outcome }) => outcome !== "confirmed").length,
    losses: losses.length,
    output: world.nodes.map(({ process }) => `${process.id}: ${process.output}`).join("\n"),
  };
}

async function runLane(
  world: World,
  lane: string,
  steps: readonly Step[],
  { faults, onStep }: RoundOptions,
): Promise<void> {
  for (const step of steps) {
    const fault = faults.find(({ name }) => name === step.fault);
    if (fault === undefined) throw new Error(`no fault is called ${step.fault}`);
    await sleep(step.afterMs);
    onStep?.(lane, step);
    try {
      const heal = await fault.begin(world, new Dice(step.seed));
      await sleep(step.forMs);
      await heal();
    } catch (cause) {
      throw new Error(`${step.fault}: ${cause}`, { cause });
    }
  }
}

/** Waits until everything is well again after the faults. @returns what did not become well in time */
async function calm(world: World, crowd: Crowd): Promise<string[]> {
  const breaches: string[] = [];
  const within = async (what: string, check: () => Promise<readonly string[]>): Promise<void> => {
    let last: readonly string[] = [];
    const isWell = async (): Promise<boolean> => {
      last = await check();
      return last.length === 0;
    };
    await eventually(what, isWell, CALM_MS).catch((error: Error) =>
      breaches.push(error.message, ...last.slice(0, 10)),
    );
  };
  await world.redis.rest();
  await within("all nodes are ready", () => notReady(world));
  await within("all clients are connected", async () => crowd.notConnected());
  await crowd.stopWriting(CALM_MS).catch((error) => breaches.push(`deaf: ${error}`));
  const probes = await crowd.probe(world);
  await within("every message has arrived", async () =>
    crowd.present.flatMap((one) => missing(crowd.sent, one)),
  );
  await within("ephemeral messages arrive", () => crowd.deaf(world));
  await within("presence is exact", () => judgePresence(world, crowd.people, crowd.others, crowd.watchers));
  await crowd.everybodyComes();
  await within("all clients are connected", async () => crowd.notConnected());
  await within("those who came back have every message", async () =>
    crowd.people.flatMap((one) => missing(crowd.sent, one)),
  );
  const refused = probes.filter(({ outcome }) => outcome !== "confirmed");
  return [
    ...breaches,
    ...refused.map(({ id, channel }) => `deaf: ${id} to ${channel} was refused after the faults`),
  ];
}

async function notReady({ nodes }: World): Promise<string[]> {
  const answers = await Promise.all(nodes.map((node) => node.ask("/ready")));
  return answers.flatMap((answer, index) =>
    answer?.status === 200
      ? []
      : [`${nodes[index]?.process.id} is not ready: ${JSON.stringify(answer?.body)}`],
  );
}
