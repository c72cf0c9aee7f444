import { type Positions, shouldReconnect, TidingsError } from "../../protocol/protocol.ts";
import type { Cancel, Timers } from "../connection/timers.ts";
import type { ClientOptions } from "../options.ts";
import { byteLength } from "./encoding.ts";
import { EXPIRED, REFUSED } from "./ending.ts";

/** The client's credentials: a token, in development mode a user id, or none of a visitor. */
export type Credentials = { readonly token: string } | { readonly user_id: string } | Record<string, never>;

type LoginOptions = Pick<ClientOptions, "url" | "token" | "user" | "anonymous" | "platform" | "device">;

/** A login is renewed when a third of its time is left. */
const RENEW_AT = 2 / 3;

/** The server's notice `token_expiring` comes so long before the end. It starts a renewal that is not due by itself. */
const NOTICE_MS = 30_000;

/** Refused logins in a row, each with a new token, after which the client gives up. */
const MAX_REFUSALS = 5;

/**
 * Limits of a login, in bytes. A server reads little before it knows the client, and proxies take URLs of 8 KiB at most.
 * The rest follows after the login.
 */
const MAX_URL = 6_144;
const MAX_MESSAGE = 15_360;

/** Returns positions to recover from, the most urgent ones, of which `fits` tells whether a login has room for them. */
export type Resume = (fits: (positions: Positions) => boolean) => Positions;

export interface LoginPorts {
  /** Renews the login on the present connection. Resolves with the reply, or undefined without a connection. */
  renew(credentials: Credentials): Promise<unknown>;
  failed(error: unknown): void;
}

/** Authenticates the client on every connection, and renews the login before it expires. */
export class Login {
  readonly #options: LoginOptions;
  readonly #timers: Timers;
  readonly #ports: LoginPorts;
  #expiresAt: number | undefined;
  /** Time of the scheduled renewal, in milliseconds since 1970. */
  #renewsAt = Number.POSITIVE_INFINITY;
  #refusals = 0;
  #isRenewing = false;
  #cancelRenewal: Cancel | undefined;

  constructor(options: LoginOptions, timers: Timers, ports: LoginPorts) {
    this.#options = options;
    this.#timers = timers;
    this.#ports = ports;
  }

  /** Marks a login as accepted: earlier refusals no longer count. */
  welcomed(): void {
    this.#refusals = 0;
  }

  /**
   * Tells whether another attempt may succeed after a close code. Refused credentials are final, unless another attempt
   * brings other ones: a token that the provider had cached may just have expired.
   */
  willRetry(code: number): boolean {
    if (code !== REFUSED && code !== EXPIRED) return shouldReconnect(code);
    const { token } = this.#options;
    const mayChange = token === undefined ? code === EXPIRED : typeof token === "function";
    return mayChange && ++this.#refusals < MAX_REFUSALS;
  }

  /**
   * Resolves with undefined when the login is not by message.
   * Rejects with the token provider's error, or `unauthorized` when it returns no token.
   */
  async credentials(): Promise<Credentials | undefined> {
    const { token, user, anonymous } = this.#options;
    const text = typeof token === "function" ? await token() : token;
    if (text) return { token: text };
    if (token) throw new TidingsError("unauthorized", "token: expected a text");
    if (user) return { user_id: user };
    return anonymous ? {} : undefined;
  }

  /**
   * The `data` of `robot.login`.
   * @param resume returns the positions to recover from, as far as they fit
   */
  data(credentials: Credentials, resume: Resume): object {
    const { platform, device } = this.#options;
    const dataWith = (positions: Positions): object => ({
      ...credentials,
      platform,
      device,
      resume: positions,
    });
    return dataWith(resume((some) => byteLength(JSON.stringify(dataWith(some))) < MAX_MESSAGE));
  }

  /** The URL of a connection whose login is not by message. */
  url(resume: Resume): string {
    const { url, platform, device } = this.#options;
    const own =
      url + (url.includes("?") ? "" : "?") + parameter("platform", platform) + parameter("device", device);
    const full = (positions: Positions): string => own + parameter("resume", JSON.stringify(positions));
    return full(resume((positions) => full(positions).length < MAX_URL));
  }

  /**
   * Schedules the renewal of the login.
   * @param expiresAt milliseconds since 1970, by the server's clock; undefined when the login does not expire
   */
  scheduleRenewal(expiresAt: number | undefined): void {
    this.stop();
    this.#expiresAt = expiresAt;
    if (!expiresAt || !this.#isRenewable) return;
    const leftMs = expiresAt - Date.now();
    // The client's clock is ahead: the server's notice `token_expiring` starts the renewal.
    if (leftMs <= 0) return;
    const delayMs = leftMs * RENEW_AT;
    this.#renewsAt = Date.now() + delayMs;
    this.#cancelRenewal = this.#timers.after(delayMs, () => void this.renew());
  }

  /** Takes the server's notice that the login ends soon. A clock that is wrong is why no renewal is due before. */
  expiring(): void {
    if (this.#renewsAt > Date.now() + NOTICE_MS) void this.renew();
  }

  /** Logs in again with a new token. After a failure it retries in the remaining time, at shrinking intervals. */
  async renew(): Promise<void> {
    if (this.#isRenewing || !this.#isRenewable) return;
    this.#isRenewing = true;
    try {
      const credentials = await this.credentials();
      const reply = credentials && (await this.#ports.renew(credentials));
      if (reply) this.scheduleRenewal((reply as { expiresAt?: number }).expiresAt); // as the protocol says
    } catch (error) {
      this.#ports.failed(error);
      this.scheduleRenewal(this.#expiresAt);
    }
    this.#isRenewing = false;
  }

  stop(): void {
    this.#cancelRenewal?.();
    this.#expiresAt = undefined;
    this.#renewsAt = Number.POSITIVE_INFINITY;
  }

  /** Only a provider can return a new token. A constant one expires with the login. */
  get #isRenewable(): boolean {
    return typeof this.#options.token === "function";
  }
}

/** Text of a query parameter. The class URL of React Native cannot add one. */
const parameter = (name: string, value: string | undefined): string =>
  value ? `&${name}=${encodeURIComponent(value)}` : "";
