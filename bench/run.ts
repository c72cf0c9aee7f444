import type { RunOptions } from "./program.ts";
import type { ContenderInfo } from "./rig/rig.ts";
import { Rig } from "./rig/rig.ts";
import type { Scale } from "./scale.ts";
import type { Row, Scenario } from "./scenario.ts";
import { block } from "./scenarios/block.ts";
import { connect } from "./scenarios/connect.ts";
import { direct } from "./scenarios/direct.ts";
import { fanout } from "./scenarios/fanout.ts";
import { idle } from "./scenarios/idle.ts";
import { latency } from "./scenarios/latency.ts";
import { request } from "./scenarios/request.ts";
import { stalled } from "./scenarios/stalled.ts";

export const SCENARIOS: readonly Scenario[] = [
  fanout,
  direct,
  request,
  connect,
  idle,
  stalled,
  latency,
  block,
];

/** Runs one scenario, and ends every process that it started, whatever happens. */
export async function runScenario(
  scenario: Scenario,
  { profileTo, ...options }: RunOptions<ContenderInfo, Scale>,
): Promise<Row[]> {
  const rigs: Rig[] = [];
  try {
    return await scenario.run({
      ...options,
      async open(contender, receivers = 1) {
        const rig = await Rig.open({ contender, receivers, profileTo });
        rigs.push(rig);
        return rig;
      },
    });
  } finally {
    await Promise.all(rigs.map((rig) => rig.close()));
  }
}
