import type { Backplane } from "../backplane/backplane.ts";
import { within } from "../protocol/protocol.ts";

/** Timeout of a probe: less than the timeouts of orchestrators and scrapers. */
const PROBE_TIMEOUT_MS = 2_000;

/** Resolves when the backplane answers. @throws TidingsError `unavailable`, or `timeout` without an answer */
export type Probe = () => Promise<void>;

/** Makes a probe whose concurrent callers share one answer: probes must not pile up at a slow backplane. */
export function sharedProbe(backplane: Pick<Backplane, "probe">, timeoutMs = PROBE_TIMEOUT_MS): Probe {
  let inFlight: Promise<void> | undefined;
  return () => {
    inFlight ??= backplane.probe().finally(() => {
      inFlight = undefined;
    });
    const answer = inFlight;
    return within(timeoutMs, "the backplane", () => answer);
  };
}
