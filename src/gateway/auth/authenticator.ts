import type { IncomingHttpHeaders } from "node:http";
import { memberData } from "../../members/members.ts";
import {
  type Grants,
  type GrantsInput,
  grantsProblem,
  ID_RULE,
  isId,
  TidingsError,
} from "../../protocol/protocol.ts";

/** Identity that accepted credentials prove. */
export interface Identity {
  /** User id, see docs/PROTOCOL.md. */
  user: string;
  /** Expiry of the login unless it is renewed, in milliseconds since 1970. Absent: the login does not expire. */
  expiresAt?: number | undefined;
  /** Platform that the credentials are bound to. Absent: the client names its platform. */
  platform?: string | undefined;
  /**
   * Further claims of the credentials, for the application's own use. `info` is the data of the user in groups, unless a join brings
   * others: any JSON value of at most 1 KiB.
   */
  claims?: Readonly<Record<string, unknown>> | undefined;
  /** Permissions of the login, see docs/PERMISSIONS.md. @default nothing beyond the policy's settings */
  can?: Grants | undefined;
  /** True for a visitor without credentials, who may only what `can` says. @default false */
  anonymous?: boolean | undefined;
}

/** The HTTP request with which a client asked for its WebSocket. */
export interface UpgradeRequest {
  /** Id of the request, which the answer carries in `X-Request-Id` and the log in `requestId`. */
  readonly id: string;
  /** Path and query, as the client sent them. */
  readonly url: string;
  /** Header fields by lower-case name; `cookie` only for an authenticator with {@link Authenticator.cookies}. */
  readonly headers: IncomingHttpHeaders;
  /** Address of the client, which may be behind proxies (`trustProxy`). */
  readonly address: string;
}

/** Credentials of a client. */
export interface Credentials {
  /** Absent when the request for a WebSocket has none, and in a login without one. */
  token?: string | undefined;
  /** Development mode only. */
  userId?: string | undefined;
  /** Address of the client, see `ConnectionInfo.address`. Absent where it is not known. */
  address?: string | undefined;
  /** Absent when an open connection renews its login. */
  request?: UpgradeRequest | undefined;
  /** True for a login message, false for the request for a WebSocket, which a login message may follow. */
  byMessage?: boolean | undefined;
}

/** Claims of a token to mint. */
export interface MintClaims {
  user: string;
  /** Absent: 1 h, or `jwt.lifetime`. Null: the token does not expire, which `jwt.requireExpiry` must allow. */
  expiresInSeconds?: number | null | undefined;
  platform?: string | undefined;
  /** Permissions of the token, see docs/PERMISSIONS.md. @default nothing beyond the policy's settings */
  can?: GrantsInput | undefined;
  /** Data of the user in the groups that the user joins: any JSON value of at most 1 KiB. @default none */
  info?: unknown;
}

/** Authenticates clients. Implementations: `jwt()`, {@link developmentAuth}, or the application's own. */
export interface Authenticator {
  /** `development` trusts the user id that a client sends; a hub with it listens on loopback only. */
  readonly mode: "token" | "development";

  /** Warnings about doors that need not be open, for the log of a hub at its start. @default nothing */
  readonly warnings?: readonly string[] | undefined;

  /**
   * Give `authenticate` the cookies of the request. Browsers send them with the requests of every site, so the hub then
   * needs `origins`, the sites whose pages may connect (RFC 6455 section 10.2). @default false
   */
  readonly cookies?: boolean | undefined;

  /** True: the hub asks only about a token or a user id, and waits for a login message without them. @default false */
  readonly onlyTokens?: boolean | undefined;

  /**
   * Called before the upgrade, also without a token: the request may hold other proof of who asks. Called again with the
   * token of a login message. MUST accept valid credentials only and MUST NOT put them into an error message.
   * @returns undefined when the credentials belong to nobody. For a request without a token the hub then waits for a login
   * message. So it does after `unauthorized` for a request without token and without cookies
   * @throws TidingsError `unauthorized` when they are not valid, `token_expired` when a fresh token may be, `unavailable`
   * when they cannot be verified now
   */
  authenticate(credentials: Credentials): Promise<Identity | undefined>;

  /**
   * Mints a token that `authenticate` accepts. Absent when this server has no key to sign with.
   * @throws TidingsError `bad_request` when the claims are not valid
   */
  mint?(claims: MintClaims): Promise<string>;
}

/** An authenticator that knows a user or throws. */
export interface TokenAuthenticator extends Authenticator {
  authenticate(credentials: Credentials): Promise<Identity>;
}

/** Whose credentials were checked; undefined when they belong to nobody. */
type Known = Identity | undefined;

/** Result of a check, at once where nothing has to be waited for: a crowd that comes back costs no promises and no timers. */
export type Verdict = Known | Promise<Known>;

/** Does what `authenticate` promises. Throws, or returns a promise that rejects. */
export type Check = (credentials: Credentials) => Verdict;

/**
 * Checks of the authenticators that answer at once, by their `authenticate`: an application may put its own in that place. The interface for applications
 * has promises only.
 */
const checks = new WeakMap<Authenticator["authenticate"], Check>();

/** Makes an authenticator that answers by a check. */
export function answeredBy<Answer extends Known>(
  parts: Omit<Authenticator, "authenticate">,
  check: (credentials: Credentials) => Answer | Promise<Answer>,
): Authenticator & { authenticate(credentials: Credentials): Promise<Answer> } {
  const authenticate = async (credentials: Credentials): Promise<Answer> => check(credentials);
  checks.set(authenticate, check);
  return { ...parts, authenticate };
}

/** The check of an authenticator, which may be one of the application. */
export const checkOf =
  (authenticator: Authenticator): Check =>
  (credentials) => {
    const check = checks.get(authenticator.authenticate);
    return check === undefined ? authenticator.authenticate(credentials) : check(credentials);
  };

export const isPending = (verdict: Verdict): verdict is Promise<Known> =>
  typeof (verdict as Partial<Promise<Known>> | undefined)?.then === "function";

/** Goes on with a verdict, at once if it is there. */
export const whenKnown = (verdict: Verdict, next: (known: Known) => Known): Verdict =>
  isPending(verdict) ? verdict.then(next) : next(verdict);

/** Makes an authenticator with another check and everything else of the given one. @param check gets the check of the given one */
export function wrapped(
  inner: Authenticator,
  check: (credentials: Credentials, inner: Check) => Verdict,
): Authenticator {
  const { mode, warnings = [], cookies = false, onlyTokens = false } = inner;
  const checkInner = checkOf(inner);
  const outer = answeredBy({ mode, warnings, cookies, onlyTokens }, (credentials) =>
    check(credentials, checkInner),
  );
  if (inner.mint !== undefined) outer.mint = inner.mint.bind(inner);
  return outer;
}

/** Trusts the user id that a client sends. For a developer's own machine only. */
export function developmentAuth(): TokenAuthenticator {
  return answeredBy({ mode: "development", onlyTokens: true }, ({ userId }) => {
    if (userId === undefined) throw new TidingsError("unauthorized", "user_id: expected, to say who you are");
    if (!isId(userId)) throw new TidingsError("unauthorized", `user_id: expected a user id of ${ID_RULE}`);
    return { user: userId };
  });
}

/**
 * Checks the ids that an authenticator returns. The application's own may take them from a database that allows more.
 * @returns an authenticator that throws `unauthorized` for an id that is not valid
 */
export function withCheckedIds(authenticator: Authenticator): Authenticator {
  return wrapped(authenticator, (credentials, check) =>
    whenKnown(check(credentials), (identity) => {
      if (identity !== undefined) assertIdentity(identity);
      return identity;
    }),
  );
}

/** Checks an option of code: an authenticator that is missing must not turn on development mode. */
export function assertAuthenticator(auth: unknown): asserts auth is Authenticator {
  const { authenticate } = (auth ?? {}) as Partial<Authenticator>; // any value: JavaScript callers are not checked
  if (typeof authenticate === "function") return;
  throw new TidingsError(
    "bad_request",
    `auth: expected an authenticator such as jwt({ secret }), got ${auth === undefined ? "undefined" : typeof auth}. ` +
      "Leave auth out for tokens by the configuration, or for development mode",
  );
}

/**
 * Checks that an authenticator by cookies has a list of origins. Browsers send cookies with the requests of every site, so
 * any page could connect as its visitor.
 * @throws TidingsError `bad_request`
 */
export function assertOrigins({ cookies }: Authenticator, origins: readonly string[]): void {
  if (cookies !== true || origins.length > 0) return;
  throw new TidingsError(
    "bad_request",
    "origins: expected the sites whose pages may connect, such as https://app.example, because auth has cookies: true",
  );
}

function assertIdentity({ user, platform, expiresAt, can, claims }: Identity): void {
  const problem = can === undefined ? undefined : grantsProblem(can);
  if (problem !== undefined) throw new TidingsError("unauthorized", `can of the credentials: ${problem}`);
  if (claims?.info !== undefined) assertInfo(claims.info);
  if (!isId(user)) throw new TidingsError("unauthorized", `the user's id: expected ${ID_RULE}`);
  if (platform !== undefined && !isId(platform)) {
    throw new TidingsError("unauthorized", `the platform of the credentials: expected ${ID_RULE}`);
  }
  // False for NaN and most texts, with which a login would never end.
  if (expiresAt !== undefined && !(expiresAt > 0 || expiresAt <= 0)) {
    throw new TidingsError("unauthorized", "expiresAt of the credentials: expected milliseconds since 1970");
  }
}

function assertInfo(info: unknown): void {
  try {
    memberData(info);
  } catch {
    throw new TidingsError("unauthorized", "info of the credentials: expected at most 1 KiB of JSON");
  }
}
