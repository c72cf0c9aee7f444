import { isId, TidingsError } from "../protocol/protocol.ts";

/** Who a connection is, once its credentials were accepted. */
export interface Identity {
  /** A valid id, see docs/PROTOCOL.md. */
  user: string;
  /** When the login ends unless it is renewed, in milliseconds since 1970. Absent: it does not end. */
  expiresAt?: number;
  /** The platform that the credentials are bound to, if they are. */
  platform?: string;
  /** What else the credentials say, for the application's own use. */
  claims?: Readonly<Record<string, unknown>>;
}

/** What a client brought to prove who it is. */
export interface Credentials {
  token?: string;
  /** Development mode only. */
  userId?: string;
}

/** What a minted token says. */
export interface MintClaims {
  user: string;
  /** Absent: the token does not expire. */
  expiresInSeconds?: number;
  platform?: string;
}

/** Decides who a client is. Implementations: `jwt()`, {@link developmentAuth}, or the application's own. */
export interface Authenticator {
  /** `development` takes a client's word for who it is; a hub with it listens on loopback only. */
  readonly mode: "token" | "development";

  /**
   * MUST accept valid credentials only and MUST NOT put them into an error message.
   * @throws TidingsError `unauthorized` when they are not valid, `unavailable` when that cannot be found out now
   */
  authenticate(credentials: Credentials): Promise<Identity>;

  /**
   * Makes a token that `authenticate` accepts. Absent when this server holds no key to sign with.
   * @throws TidingsError `bad_request` when the claims are not valid
   */
  mint?(claims: MintClaims): Promise<string>;
}

/** Takes every client's word for who it is. For a developer's own machine only. */
export function developmentAuth(): Authenticator {
  return {
    mode: "development",
    authenticate: async ({ userId }) => {
      if (userId === undefined)
        throw new TidingsError("unauthorized", "user_id: expected, to say who you are");
      if (!isId(userId))
        throw new TidingsError("unauthorized", "user_id: expected a user id of 1–128 characters");
      return { user: userId };
    },
  };
}
