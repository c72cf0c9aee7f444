import { type Authorize, Policy, policySettings } from "./actions/actions.ts";
import type { Backplane } from "./backplane/backplane.ts";
import type { Config } from "./config/config.ts";
import type { Local } from "./local/local.ts";
import { PositionGuard, PositionKey } from "./publish/publish.ts";

/** Makes the policy: the application's, or the default one with the settings of the configuration. */
export const makePolicy = (
  { config, development }: { readonly config: Config; readonly development: boolean },
  local: Local,
  backplane: Backplane,
  authorize: Authorize | undefined,
): Policy =>
  new Policy({
    settings: policySettings(config.policy, development),
    development,
    timeoutMs: config.timeouts.hookMs,
    local,
    backplane,
    authorize,
  });

/** Makes what checks the positions of clients, and its key, which all nodes share. */
export function makePositions(
  policy: Policy,
  { cluster }: Backplane,
  report: (stage: string, error: unknown) => void,
) {
  const key = new PositionKey((value) => cluster.adjust("positionKey", value), report);
  return {
    key,
    guard: new PositionGuard(key, (connection, channel) => policy.mayResume(connection, channel)),
  };
}
