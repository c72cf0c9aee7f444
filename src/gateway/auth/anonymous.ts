import { randomBytes } from "node:crypto";
import { type Grants, toTidingsError } from "../../protocol/protocol.ts";
import { type Authenticator, type Check, type Credentials, type Identity, wrapped } from "./authenticator.ts";

/** Begins the id of every visitor. */
const PREFIX = "anonymous-";

/**
 * Admits visitors: a login message without token and user, whose client the authenticator does not know, gets a random user with these
 * grants alone. The authenticator is asked first, because the application's own may know the client by something else.
 * @param visitors their grants; true for none, false for no visitors
 */
export const withAnonymous = (authenticator: Authenticator, visitors: boolean | Grants): Authenticator => {
  if (visitors === false) return authenticator;
  const can = visitors === true ? {} : visitors;
  return wrapped(authenticator, (credentials, check) =>
    isVisitor(credentials) ? visitorOr(check, credentials, can) : check(credentials),
  );
};

async function visitorOr(check: Check, credentials: Credentials, can: Grants): Promise<Identity> {
  try {
    const known = await check(credentials);
    if (known !== undefined) return known;
  } catch (thrown) {
    if (toTidingsError(thrown).code !== "unauthorized") throw thrown;
  }
  return { user: PREFIX + randomBytes(12).toString("base64url"), can, anonymous: true };
}

/** A request for a WebSocket makes no visitor: a login message with a token may follow it. */
const isVisitor = ({ token, userId, byMessage }: Credentials): boolean =>
  byMessage === true && token === undefined && userId === undefined;
