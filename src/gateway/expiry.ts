import type { Connection } from "../local/local.ts";
import { encodeServerFrame } from "../protocol/protocol.ts";

/** How often the logins are looked at: tokens count in seconds. */
const LOOK_MS = 1_000;

/** How long before its end a client is told to renew its login. */
const WARNING_MS = 30_000;

interface Login {
  expiresAt: number;
  warned: boolean;
}

/** Logins that end at a known time. One timer for all: a timer for each would cost more memory than the rest. */
export class Expiry {
  readonly #logins = new Map<Connection, Login>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Starts, renews or ends (without `expiresAt`) the watch over a connection's login. */
  set(connection: Connection, expiresAt: number | undefined): void {
    if (expiresAt === undefined) this.#logins.delete(connection);
    else this.#logins.set(connection, { expiresAt, warned: false });
  }

  delete(connection: Connection): void {
    this.#logins.delete(connection);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = Date.now();
    for (const [connection, login] of this.#logins) {
      try {
        this.#check(connection, login, now);
      } catch {
        // The time is the application's, and what cannot be written as JSON (a BigInt) throws.
        this.#logins.delete(connection);
        connection.close("error");
      }
    }
  }

  #check(connection: Connection, login: Login, now: number): void {
    if (now >= login.expiresAt) {
      this.#logins.delete(connection);
      connection.close("token_expired");
    } else if (!login.warned && now >= login.expiresAt - WARNING_MS) {
      login.warned = true;
      const message = "the login ends soon, renew it with robot.login";
      const data = { expiresAt: login.expiresAt };
      connection.send(encodeServerFrame({ type: "notice", code: "token_expiring", message, data }));
    }
  }
}
