import { type TidingsError, toTidingsError } from "../../protocol/protocol.ts";
import { type Authenticator, type Credentials, whenKnown, wrapped } from "./authenticator.ts";

/** Limits on logins. Both throw `rate_limited`. */
export interface LoginLimits {
  /** Called before credentials are verified. @param address of the client; undefined where it is not known */
  assertLogin(address: string | undefined): void;
  /** Called after they were accepted. */
  assertLoginOf(user: string): void;
}

/** Called with a user whose login a limit has refused. */
export type LoginRefused = (user: string, error: TidingsError, address: string | undefined) => void;

/** Limits the logins by an authenticator: the attempts of an address, and the logins of a user. */
export const withLoginLimits = (
  authenticator: Authenticator,
  limits: LoginLimits,
  refused?: LoginRefused,
): Authenticator =>
  wrapped(authenticator, (credentials, check) => {
    const { address } = credentials;
    if (isAttempt(credentials)) limits.assertLogin(address);
    return whenKnown(check(credentials), (identity) => {
      if (identity === undefined) return identity;
      try {
        limits.assertLoginOf(identity.user);
      } catch (thrown) {
        refused?.(identity.user, toTidingsError(thrown), address);
        throw thrown;
      }
      return identity;
    });
  });

/** False for a request that only announces a login message: it must not count as another attempt. */
export const isAttempt = (credentials: Credentials): boolean =>
  credentials.byMessage === true || hasCredentials(credentials);

/** True for credentials of any kind: a token, a user id or cookies. */
export const hasCredentials = ({ token, userId, request }: Credentials): boolean =>
  token !== undefined || userId !== undefined || request?.headers.cookie !== undefined;
