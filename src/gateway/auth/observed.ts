import { type ErrorCode, toTidingsError } from "../../protocol/protocol.ts";
import { type Authenticator, type Credentials, type Identity, wrapped } from "./authenticator.ts";
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
  wrapped(authenticator, async (credentials) => {
    if (!isAttempt(credentials)) return authenticator.authenticate(credentials);
    const startedAt = performance.now();
    const ended = (outcome: "ok" | ErrorCode): void =>
      meter.ended(outcome, (performance.now() - startedAt) / 1_000);
    const authenticate = async (): Promise<Identity | undefined> => authenticator.authenticate(credentials);
    try {
      const identity = await (tracing?.login(wayOf(credentials), authenticate) ?? authenticate());
      ended(identity === undefined ? "unauthorized" : "ok");
      return identity;
    } catch (thrown) {
      ended(toTidingsError(thrown).code);
      throw thrown;
    }
  });

function wayOf({ byMessage, request }: Credentials): string {
  if (byMessage !== true) return "request";
  return request === undefined ? "renewal" : "message";
}
