import type { RenewLogin } from "../../actions/actions.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import type { Authenticator } from "../auth/auth.ts";
import type { Expiry } from "./expiry.ts";
import { readLogin } from "./request.ts";

/** Renews the login of an open connection (`robot.login`). It requires credentials of the connection's user. */
export const renewal =
  (authenticator: Authenticator, expiry: Expiry): RenewLogin =>
  async (connection, data) => {
    const { user, expiresAt } = await authenticator.authenticate(readLogin(data).credentials);
    if (user !== connection.user) {
      throw new TidingsError(
        "forbidden",
        `expected credentials of ${connection.user}, who is logged in here`,
      );
    }
    expiry.set(connection, expiresAt);
    return { expiresAt };
  };
