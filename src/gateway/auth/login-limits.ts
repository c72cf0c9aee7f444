import type { Authenticator } from "./authenticator.ts";

/** Limits on logins. Both throw `rate_limited`. */
export interface LoginLimits {
  /** Called before credentials are verified. @param address of the client; undefined where it is not known */
  assertLogin(address: string | undefined): void;
  /** Called after they were accepted. */
  assertLoginOf(user: string): void;
}

/** Limits the logins by an authenticator: the attempts of an address, and the logins of a user. */
export const withLoginLimits = (
  { mode, ...authenticator }: Authenticator,
  limits: LoginLimits,
): Authenticator => ({
  ...authenticator,
  mode,
  async authenticate(credentials) {
    limits.assertLogin(credentials.address);
    const identity = await authenticator.authenticate(credentials);
    limits.assertLoginOf(identity.user);
    return identity;
  },
});
