import { randomBytes } from "node:crypto";
import type { Plan, ScenarioName, Target } from "../../../loadtest/loadtest.ts";
import { TidingsError } from "../../../protocol/protocol.ts";
import type { BenchFlags } from "./flags.ts";

const RAW: readonly ScenarioName[] = ["connect", "idle", "echo", "broadcast"];
const ONLY_RAW: readonly ScenarioName[] = ["echo", "broadcast"];

interface Defaults {
  readonly rate: number;
  readonly seconds: number;
}

const DEFAULTS: Readonly<Record<ScenarioName, Defaults>> = {
  connect: { rate: 0, seconds: 0 },
  fanout: { rate: 10, seconds: 10 },
  direct: { rate: 1_000, seconds: 10 },
  chat: { rate: 100, seconds: 10 },
  "cross-node": { rate: 1_000, seconds: 10 },
  storm: { rate: 200, seconds: 15 },
  idle: { rate: 0, seconds: 30 },
  soak: { rate: 50, seconds: 600 },
  echo: { rate: 1_000, seconds: 10 },
  broadcast: { rate: 10, seconds: 10 },
};

const CONNECTIONS_PER_WORKER = 5_000;

/** The scenarios that were asked for. @throws TidingsError `bad_request` for those that the kind of server does not have */
export function scenariosOf({
  scenario,
  raw,
}: Pick<BenchFlags, "scenario" | "raw">): readonly ScenarioName[] {
  const isRaw = raw === true;
  const names = (scenario ??
    (isRaw ? ["connect", "echo"] : ["connect", "fanout", "direct", "chat"])) as ScenarioName[]; // the parser let nothing else through
  const wrong = names.find((name) => (isRaw ? !RAW.includes(name) : ONLY_RAW.includes(name)));
  if (wrong === undefined) return names;
  throw new TidingsError(
    "bad_request",
    isRaw
      ? `--raw: ${wrong} needs a Tidings server; expected some of ${RAW.join(", ")}`
      : `--scenario: ${wrong} needs --raw`,
  );
}

/**
 * The plan of a scenario.
 * @throws TidingsError `bad_request` for flags that contradict each other
 */
export function planOf(
  scenario: ScenarioName,
  flags: BenchFlags,
  targets: readonly Target[],
  sources: readonly string[],
): Plan {
  const { rate, seconds } = DEFAULTS[scenario];
  const { ramp, size, ephemeral = false, via, spread, churn, raw, template, connectTimeout } = flags;
  const durationS = flags.duration ?? seconds;
  assertPossible(scenario, flags, targets);
  const { connections, members } = crowdOf(scenario, flags, targets.length);
  const isOne = scenario === "fanout" || scenario === "broadcast";
  return {
    run: randomBytes(3).toString("hex"),
    scenario,
    targets,
    sources,
    connections,
    ramp,
    connectTimeoutMs: connectTimeout * 1_000,
    rate: flags.rate ?? rate,
    durationMs: durationS * 1_000,
    warmupMs: 1_000 * Math.min(flags.warmup ?? 1, flags.warmup === undefined ? durationS / 5 : durationS),
    size,
    ephemeral,
    members,
    senders: flags.senders ?? (isOne ? 1 : 10),
    spreadMs: spread * 1_000,
    churn: scenario === "soak" ? churn : 0,
    via,
    probe: raw === true ? 0 : (flags.probe ?? 0),
    template: raw === true ? (template ?? "{marker}") : undefined,
    workers: Math.min(connections, flags.workers ?? Math.ceil(connections / CONNECTIONS_PER_WORKER)),
  };
}

/** Open files that a process needs besides its connections. */
const SPARE_FILES = 200;

/**
 * @param limit the most files that a process may open; undefined: not known
 * @throws TidingsError `bad_request` when a process cannot hold its share of the connections
 */
export function assertFiles({ connections, workers }: Plan, limit: number | undefined): void {
  if (limit === undefined || Math.ceil(connections / workers) + SPARE_FILES <= limit) return;
  const needed = Math.ceil(connections / Math.max(1, limit - SPARE_FILES));
  throw new TidingsError(
    "bad_request",
    `--workers: a process may open ${limit} files here, so ${connections} connections need ${needed} processes`,
  );
}

function assertPossible(scenario: ScenarioName, flags: BenchFlags, targets: readonly Target[]): void {
  const refuse = (why: string): never => {
    throw new TidingsError("bad_request", why);
  };
  if (scenario === "cross-node" && targets.length < 2)
    refuse("cross-node: expected the URLs of two nodes at least");
  if ((scenario === "storm" || scenario === "soak") && flags.ephemeral === true)
    refuse(`${scenario}: clients that come back get what was stored meanwhile; leave --ephemeral out`);
  if (flags.raw === true && flags.via === "http") refuse("--raw: other servers have no HTTP API of ours");
  if (flags.template !== undefined && !flags.template.includes("{marker}"))
    refuse("--template: expected {marker} in it");
}

/** Connections and members of a group, of which two are given or assumed. For several nodes the connections are a multiple of them. */
function crowdOf(
  scenario: ScenarioName,
  flags: BenchFlags,
  nodes: number,
): { connections: number; members: number } {
  const isGrouped = scenario === "chat" || scenario === "soak";
  const wanted =
    isGrouped && flags.groups !== undefined && flags.members !== undefined
      ? flags.groups * flags.members
      : flags.connections;
  const connections = scenario === "cross-node" ? Math.ceil(wanted / nodes) * nodes : wanted;
  const members = flags.members ?? (flags.groups === undefined ? 10 : Math.ceil(connections / flags.groups));
  if (scenario !== "cross-node" || connections > 1) return { connections, members };
  return { connections: nodes, members };
}
