import { randomBytes } from "node:crypto";
import { type Authenticator, developmentAuth, jwt } from "../index.ts";

/**
 * Makes an authenticator of development mode that also accepts the chat's tokens. It signs them with a secret of this process: after a
 * restart clients get the next ones by their refresh token.
 */
export function chatDevelopmentAuth(): Authenticator {
  const anyone = developmentAuth();
  const tokens = jwt({ secret: randomBytes(32).toString("base64url") });
  return {
    mode: "development",
    onlyTokens: true,
    authenticate: (credentials) =>
      credentials.token === undefined ? anyone.authenticate(credentials) : tokens.authenticate(credentials),
    mint: (claims) => tokens.mint?.(claims) ?? Promise.reject(new Error("no secret")),
  };
}
