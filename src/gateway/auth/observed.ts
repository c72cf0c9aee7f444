import { type ErrorCode, toTidingsError } from "../../protocol/protocol.ts";
import {
  type Authenticator,
  type Credentials,
  type Identity,
  isPending,
  type Verdict,
  wrapped,
} from "./authenticator.ts";
import { isAttempt } from "./login-limits.ts";

export interface LoginObservers {
  /** Counts logins by their outcome. */
  readonly meter: { ended(outcome: "ok" | ErrorCode, seconds: number): void };
  /** @default nothing is traced */
  readonly tracing?: LoginTracing | undefined;
}

/** Traces of logins. */
export interface LoginTracing {
  /** @param by how the credentials came: `request`, `message` or `renewal` */
  login(by: string, work: () => Promise<Identity | undefined>): Promise<Identity | undefined>;
}

/** Tells of the logins by an authenticator. */
export const withObservers = (
  authenticator: Authenticator,
  { meter, tracing }: LoginObservers,
): Authenticator =>
  wrapped(authenticator, (credentials, check) => {
    if (!isAttempt(credentials)) return check(credentials);
    const startedAt = performance.now();
    const ended = (outcome: "ok" | ErrorCode): void =>
      meter.ended(outcome, (performance.now() - startedAt) / 1_000);
    const known = (identity: Identity | undefined): Identity | undefined => {
      ended(identity === undefined ? "unauthorized" : "ok");
      return identity;
    };
    const failed = (thrown: unknown): never => {
      ended(toTidingsError(thrown).code);
      throw thrown;
    };
    let verdict: Verdict;
    try {
      verdict = tracing?.login(wayOf(credentials), async () => check(credentials)) ?? check(credentials);
    } catch (thrown) {
      return failed(thrown);
    }
    return isPending(verdict) ? verdict.then(known, failed) : known(verdict);
  });

function wayOf({ byMessage, request }: Credentials): string {
  if (byMessage !== true) return "request";
  return request === undefined ? "renewal" : "message";
}
