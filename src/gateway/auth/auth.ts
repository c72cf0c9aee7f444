/** Authentication of clients: authenticators, API keys, and the checks for requests of this machine. */
export { withAnonymous } from "./anonymous.ts";
export { ApiKeys, allows, apiKeysOf, keyIn } from "./api-key.ts";
export {
  type Authenticator,
  assertAuthenticator,
  assertOrigins,
  type Check,
  type Credentials,
  checkOf,
  developmentAuth,
  type Identity,
  isPending,
  type MintClaims,
  type TokenAuthenticator,
  type UpgradeRequest,
  type Verdict,
  withCheckedIds,
  wrapped,
} from "./authenticator.ts";
export { withoutCredentials } from "./credentials.ts";
export { withLimits } from "./in-flight.ts";
export { type JwtOptions, jwt } from "./jwt.ts";
export { hasCredentials, type LoginLimits, withLoginLimits } from "./login-limits.ts";
export { assertNoProxy, Neighbours } from "./loopback.ts";
export { mintToken } from "./mint.ts";
export { type LoginTracing, withObservers } from "./observed.ts";
