import { randomBytes } from "node:crypto";
import { type Grants, toTidingsError } from "../../protocol/protocol.ts";
import type { Authenticator } from "./authenticator.ts";

/** Begins the id of every visitor. */
const PREFIX = "anonymous-";

/**
 * Admits visitors: a login without token and user, which the authenticator refuses, gets a random user with these grants alone. The
 * authenticator is asked first, because the application's own may know the client by something else.
 * @param visitors their grants; true for none, false for no visitors
 */
export const withAnonymous = (
  { mode, ...authenticator }: Authenticator,
  visitors: boolean | Grants,
): Authenticator => {
  if (visitors === false) return { ...authenticator, mode };
  const can = visitors === true ? {} : visitors;
  return {
    ...authenticator,
    mode,
    async authenticate(credentials) {
      try {
        return await authenticator.authenticate(credentials);
      } catch (thrown) {
        const isVisitor = credentials.token === undefined && credentials.userId === undefined;
        if (!isVisitor || toTidingsError(thrown).code !== "unauthorized") throw thrown;
        return { user: PREFIX + randomBytes(12).toString("base64url"), can, anonymous: true };
      }
    },
  };
};
