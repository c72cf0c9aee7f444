import type { Backplane } from "../backplane/backplane.ts";
import { within } from "../protocol/protocol.ts";

/** How long the backplane may take to prove that it is there. Orchestrators and scrapers wait longer than that. */
const PROBE_TIMEOUT_MS = 2_000;

/** Resolves when the backplane answers. @throws TidingsError `unavailable`, or `timeout` when it says nothing */
export type Probe = () => Promise<void>;

/** Those who ask while the backplane is being asked share the answer: probes must not pile up where it is slow. */
export function sharedProbe(backplane: Pick<Backplane, "probe">, timeoutMs = PROBE_TIMEOUT_MS): Probe {
  let underWay: Promise<void> | undefined;
  return () => {
    underWay ??= backplane.probe().finally(() => {
      underWay = undefined;
    });
    const answer = underWay;
    return within(timeoutMs, "the backplane", () => answer);
  };
}
