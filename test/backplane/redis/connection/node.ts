import { onTestFinished } from "vitest";
import { redisBackplane } from "../../../../src/backplane/backplane.ts";
import type { RedisOptions } from "../../../../src/backplane/redis/redis.ts";
import { RecordingSink, type TestNode } from "../../contract/harness.ts";

/** A sink that keeps what is reported. */
export class ReportingSink extends RecordingSink {
  readonly reports: string[] = [];

  override report(stage: string, error: unknown): void {
    this.reports.push(`${stage}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

let nodes = 0;

/** A node on a Redis, not started yet, which is stopped when the test is over. Its heartbeat is fast. */
export function createNode(url: string, options: Partial<RedisOptions> = {}) {
  const history = { count: 1_000, ageMs: 3_600_000, ...options.history };
  const backplane = redisBackplane({ url, heartbeatMs: 100, graceMs: 20, ...options, history });
  const id = `n${++nodes}`;
  const sink = new ReportingSink();
  const node: TestNode & { readonly sink: ReportingSink } = { ...backplane, id, backplane, sink };
  const started = async (): Promise<typeof node> => {
    await backplane.start({ id, ip: "127.0.0.1", port: 8080, connections: () => 7 }, sink);
    return node;
  };
  onTestFinished(() => backplane.stop().catch(() => undefined));
  return { ...node, started };
}
