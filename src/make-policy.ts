import { type Authorize, defaultPolicy } from "./actions/actions.ts";
import type { Backplane } from "./backplane/backplane.ts";
import type { Config } from "./config/config.ts";
import type { Local } from "./local/local.ts";
import { Overdue, within } from "./protocol/protocol.ts";

/** Questions to the policy that may hang at a time, before further ones are refused at once. */
const MAX_OVERDUE_POLICY = 1_000;

/**
 * Makes the policy.
 * @returns `policy`, which the application may replace, and `allowed`, which asks the current policy with a timeout
 */
export function makePolicy(
  { config, development }: { readonly config: Config; readonly development: boolean },
  local: Local,
  backplane: Backplane,
  authorize: Authorize | undefined,
): { policy: { authorize: Authorize }; allowed: Authorize } {
  const clientBroadcast = config.publish.clientBroadcast ?? development;
  const policy = { authorize: authorize ?? defaultPolicy(local, backplane, clientBroadcast) };
  const overdue = new Overdue(MAX_OVERDUE_POLICY);
  const allowed: Authorize = (...asked) => {
    overdue.assertRoom("the policy");
    const answer = policy.authorize(...asked);
    if (!(answer instanceof Promise)) return answer;
    return within(config.timeouts.hookMs, "the policy", () => answer, overdue.add);
  };
  return { policy, allowed };
}
