import type { RenewLogin } from "../../actions/actions.ts";
import type { Connection } from "../../local/local.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import type { Authenticator } from "../auth/auth.ts";
import type { Expiry } from "./expiry.ts";
import { setLogin } from "./login.ts";
import { readLogin } from "./request.ts";

/**
 * Renews the login of an open connection (`robot.login`). It requires credentials of the connection's user and platform,
 * because a renewal changes neither.
 * @param review asks for the rights of the connection again, which the new credentials may have changed
 */
export const renewal =
  (
    authenticator: Authenticator,
    expiry: Expiry,
    review: (connection: Connection) => Promise<void>,
  ): RenewLogin =>
  async (connection, data) => {
    const { credentials, ...login } = readLogin(data);
    const { address } = connection;
    const identity = await authenticator.authenticate({ ...credentials, address, byMessage: true });
    if (identity?.user !== connection.user) {
      throw new TidingsError(
        "forbidden",
        `expected credentials of ${connection.user}, who is logged in here`,
      );
    }
    assertSame("platform", identity.platform ?? login.platform, connection.platform);
    assertSame("device", login.device, connection.device);
    expiry.set(connection, identity.expiresAt);
    setLogin(connection, identity);
    await review(connection);
    return { expiresAt: identity.expiresAt };
  };

/** @throws TidingsError `forbidden` when the new login names another value than the present one */
function assertSame(name: string, given: string | undefined, present: string): void {
  if (given === undefined || given === present) return;
  throw new TidingsError("forbidden", `${name}: expected ${present}, which this connection logged in with`);
}
