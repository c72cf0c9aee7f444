import { totalOf } from "../measure/counted.ts";
import type { ScenarioResult } from "../result.ts";

type Judged = Omit<ScenarioResult, "faults" | "hints">;

/** What an operator may ask of the latencies, in milliseconds. */
export interface Bounds {
  readonly maxP99?: number | undefined;
  readonly maxP999?: number | undefined;
  readonly maxConnectP99?: number | undefined;
}

/** What is wrong with a run: a pass has none of it. */
export function faultsOf(result: Judged): string[] {
  const { totals, lost, connections, interrupted, scenario, waits } = result;
  const faults: string[] = [];
  const add = (count: number, what: string): void => {
    if (count > 0) faults.push(`${count.toLocaleString("en")} ${what}`);
  };
  add(lost, "messages lost");
  add(totals.duplicates, "duplicates");
  add(totals.reordered, "messages out of order");
  add(totals.strays, "messages at the wrong receiver");
  add(totals.unrecovered, "times the server no longer had what a client missed");
  add(totals.refused, `messages refused (${first(result.refusedMessages)})`);
  if (interrupted) return faults;
  add(connections.wanted - connections.opened, `connections did not open (${first(connections.refusals)})`);
  add(totals.failed - (connections.wanted - connections.opened), "connections broke and did not come back");
  const failed = waits?.errors ?? {};
  add(totalOf(failed), `requests and calls of the probe failed (${first(failed)})`);
  add(totals.unsent, "messages could not be sent: no sender was connected, or all waited for answers");
  if (scenario === "cross-node" && Object.keys(connections.nodes).length < 2)
    faults.push("the URLs lead to one node, so that no message went from node to node");
  return faults;
}

/** Bounds that a run breaks. */
export function brokenBounds({ timings }: Pick<ScenarioResult, "timings">, bounds: Bounds): string[] {
  const broken: string[] = [];
  const check = (name: string, value: number, most: number | undefined): void => {
    if (most !== undefined && value > most)
      broken.push(`${name} is ${value.toFixed(2)} ms, above ${most} ms`);
  };
  check("p99 of the latency", timings.latency.p99, bounds.maxP99);
  check("p99.9 of the latency", timings.latency.p999, bounds.maxP999);
  check("p99 of connecting", timings.connect.p99, bounds.maxConnectP99);
  return broken;
}

/** Share of a core's time at which a process of the tester is busy, and lateness that shows in the figures. */
const BUSY_PERCENT = 80;
const LATE_MS = 5;

/** The reason of a refusal, and the setting or flag that changes it. */
const SETTINGS: readonly (readonly [RegExp, string])[] = [
  [
    /HTTP 429|close 4006/,
    "limits.connectsPerAddress (LIMITS_CONNECTS_PER_ADDRESS) and limits.loginsPerAddress bound the connects of an address: raise them, exempt it by limits.whitelistCIDRs, connect from more addresses (--sources), or more slowly (--ramp)",
  ],
  [
    /HTTP 503/,
    "the node takes no more connects now: overload.connectsPerNode (OVERLOAD_CONNECTS_PER_NODE) bounds them per second, websocket.maxConnections (WEBSOCKET_MAX_CONNECTIONS) all of them; or connect more slowly (--ramp)",
  ],
  [
    /close 4503/,
    "websocket.maxConnectionsPerUser (WEBSOCKET_MAX_CONNECTIONS_PER_USER) bounds the connections of a user: give more tokens",
  ],
  [
    /close 4500|HTTP 401/,
    "the server does not accept the credentials: pass its jwt.secret (--secret, JWT_SECRET) or tokens (--token); without both, clients log in by a name, which only development mode accepts",
  ],
  [/HTTP 404/, "no WebSocket is served at this path: see --path"],
  [
    /EADDRNOTAVAIL/,
    "this machine has no free port left for this address: connect from more addresses (--sources)",
  ],
  [
    /EMFILE/,
    "a process of the tester may not open more files: use more of them (--workers), or raise ulimit -n",
  ],
  [
    /ECONNREFUSED/,
    "nothing listens there, or the backlog of the listening socket is full: connect more slowly (--ramp)",
  ],
  [
    /group\.join: forbidden/,
    "clients may not join groups: pass the server's secret, so that their tokens grant it, or tokens with join and send for group:bench-*",
  ],
  [
    /rate_limited/,
    "limits.messagesPerConnection and limits.messagesPerUser bound the messages of a sender, publish.storedBytesPerHour what it stores: raise them, or use more senders (--senders)",
  ],
  [/too_large/, "websocket.maxMessageSize bounds a message: see --size"],
  [/HTTP 40[13]/, "the HTTP API needs a key of the scope publish: --api-key"],
];

/** What a reader should know to understand the figures. */
export function hintsOf({
  connections,
  refusedMessages,
  errors,
  tester,
  timings,
  totals,
  servers,
  plan,
}: Judged): string[] {
  const reasons = Object.keys({
    ...connections.refusals,
    ...connections.ends,
    ...refusedMessages,
    ...errors,
  });
  const hints = SETTINGS.filter(([pattern]) => reasons.some((reason) => pattern.test(reason))).map(
    ([, hint]) => hint,
  );
  if (tester.cpuPercent / tester.workers > BUSY_PERCENT)
    hints.push(
      "the tester itself was busy: its processes used their cores almost wholly, so latencies are partly its own; use more --workers or a larger machine",
    );
  if (timings.lateness.p99 > LATE_MS)
    hints.push(
      `the tester sent late (p99 ${timings.lateness.p99.toFixed(1)} ms), which the latencies include: its machine was busy, or is too small for this rate`,
    );
  if (totals.gaps > 0)
    hints.push(
      `the server dropped messages on the way to slow connections ${totals.gaps.toLocaleString("en")} times, and sent them again when asked (websocket.messageBufferSize)`,
    );
  const problems = servers.flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
  hints.push(...problems.slice(0, 1));
  if (plan.ephemeral && totals.received > 0)
    hints.push(
      "ephemeral messages are delivered at most once: a loss under overload is no fault of the server",
    );
  return hints;
}

/** The most frequent reason, and how many others there are. */
function first(counts: Readonly<Record<string, number>>): string {
  const [[reason] = ["no reason given"], ...others] = Object.entries(counts);
  return others.length === 0 || totalOf(counts) === 0
    ? reason
    : `${reason}, and ${others.length} other reasons`;
}
