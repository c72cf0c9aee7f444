import type { Connection } from "../../local/local.ts";
import { encodeServerFrame } from "../../protocol/protocol.ts";
import { SessionState } from "./session-state.ts";

/** Interval of the checks: the expiry of a token counts in seconds. */
const CHECK_MS = 1_000;

/** Time before the expiry at which the server warns the client: a third of a login that lives under 90 s. */
const WARNING_MS = 30_000;

/** At least two checks are left for the warning. */
const MIN_WARNING_MS = 2 * CHECK_MS;

/** Closes connections whose login expires. One timer for all: a timer for each would cost more than its other state. */
export class Expiry {
  /** Connections with a login that expires. A check drops the connections that have closed. */
  readonly #expiring = new Set<Connection>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#checkAll(), CHECK_MS);
    this.#timer.unref();
  }

  /** Sets or renews the expiry of a connection's login. Without `expiresAt` it does not expire. */
  set(connection: Connection, expiresAt: number | undefined): void {
    if (expiresAt === undefined) {
      this.#expiring.delete(connection);
      return;
    }
    const state = connection.attached(SessionState);
    // First: an expiry of another type, from an application's authenticator, fails here and leaves the former one in force.
    const thirdMs = (expiresAt - Date.now()) / 3;
    state.expiresAt = expiresAt;
    state.warnsAt = expiresAt - Math.min(WARNING_MS, Math.max(thirdMs, MIN_WARNING_MS));
    this.#expiring.add(connection);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #checkAll(): void {
    const now = Date.now();
    for (const connection of this.#expiring) {
      try {
        check(connection, now);
      } catch {
        // The application chose the expiry, and a value that JSON cannot encode (a BigInt) throws.
        connection.close("error");
      }
      if (connection.state !== "open") this.#expiring.delete(connection);
    }
  }
}

function check(connection: Connection, now: number): void {
  const state = connection.attached(SessionState);
  const { expiresAt = Number.POSITIVE_INFINITY } = state;
  if (now >= expiresAt) connection.close("token_expired");
  else if (now >= state.warnsAt) warn(connection, state);
}

function warn(connection: Connection, state: SessionState): void {
  state.warnsAt = Number.POSITIVE_INFINITY;
  const message = "the login ends soon, renew it with robot.login";
  const data = { expiresAt: state.expiresAt };
  connection.send(encodeServerFrame({ event: "notice", code: "token_expiring", message, data }));
}
