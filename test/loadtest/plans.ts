import type { BenchFlags } from "../../src/cli/commands/bench/flags.ts";
import type { Plan, Target } from "../../src/loadtest/plan.ts";

/** A target on a port of this machine. */
export const targetAt = (port: number): Target => ({
  url: `http://127.0.0.1:${port}`,
  endpoint: { host: "127.0.0.1", port, tls: false, authority: `127.0.0.1:${port}` },
  path: "/ws",
  http: `http://127.0.0.1:${port}`,
});

/** A plan of a small, quick run. */
export const planFor = (part: Partial<Plan> & Pick<Plan, "scenario">): Plan => ({
  run: "0f0f",
  targets: [targetAt(1)],
  sources: [],
  connections: 10,
  ramp: 1_000,
  connectTimeoutMs: 10_000,
  rate: 200,
  durationMs: 300,
  warmupMs: 0,
  size: 80,
  ephemeral: false,
  members: 5,
  senders: 1,
  spreadMs: 50,
  churn: 0,
  via: "socket",
  probe: 0,
  workers: 1,
  ...part,
});

/** The flags of the command without any given. */
export const FLAGS: BenchFlags = {
  connections: 1_000,
  ramp: 500,
  connectTimeout: 30,
  size: 128,
  via: "socket",
  spread: 1,
  churn: 1,
  path: "/ws",
  token: [],
};
