import { Semaphore, TidingsError } from "../../protocol/protocol.ts";
import { type Authenticator, isPending, type Verdict, wrapped } from "./authenticator.ts";

export interface InFlightLimits {
  /** Calls at a time. One that hangs keeps its place, also after the deadline of its login. @default 1_000 */
  readonly calls?: number;
  /** Calls that wait for a place. @default 10_000 */
  readonly waiting?: number;
  /** Deadline of a login, in milliseconds: a call that has waited for longer is not made. */
  readonly timeoutMs: number;
}

/**
 * Bounds the calls of an authenticator. The application's own may hang, and each call holds its login and its credentials.
 * @returns an authenticator that throws `unavailable` while too many calls wait
 */
export function withLimits(
  authenticator: Authenticator,
  { calls = 1_000, waiting = 10_000, timeoutMs }: InFlightLimits,
): Authenticator {
  const places = new Semaphore(calls);
  return wrapped(authenticator, (credentials, check) => {
    if (places.waiting >= waiting) {
      throw new TidingsError("unavailable", "too many logins are being checked now: try again");
    }
    const place = places.acquire();
    if (place === undefined) return inPlace(places, () => check(credentials));
    const deadline = performance.now() + timeoutMs;
    return place.then(() =>
      inPlace(places, () => {
        if (performance.now() > deadline) throw new TidingsError("timeout", "the login waited for too long");
        return check(credentials);
      }),
    );
  });
}

/** Checks in a place that was taken, and leaves it when the verdict is there. */
function inPlace(places: Semaphore, check: () => Verdict): Verdict {
  let verdict: Verdict;
  try {
    verdict = check();
  } catch (thrown) {
    places.release();
    throw thrown;
  }
  if (isPending(verdict)) return verdict.finally(() => places.release());
  places.release();
  return verdict;
}
