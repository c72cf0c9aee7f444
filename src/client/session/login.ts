import type { Positions } from "../../protocol/protocol.ts";
import type { Cancel, Timers } from "../connection/timers.ts";
import type { ClientOptions } from "../options.ts";

/** The client's credentials: a token, in development mode a user id, or none of a visitor. */
export type Credentials = { readonly token: string } | { readonly user_id: string } | Record<string, never>;

type LoginOptions = Pick<ClientOptions, "url" | "token" | "user" | "anonymous" | "platform" | "device">;

/** A login is renewed 30 s before it expires, or when a quarter of a shorter login is left. */
const RENEW_BEFORE_MS = 30_000;

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
  #isRenewing = false;
  #cancelRenewal: Cancel | undefined;

  constructor(options: LoginOptions, timers: Timers, ports: LoginPorts) {
    this.#options = options;
    this.#timers = timers;
    this.#ports = ports;
  }

  /** False when the URL or cookies carry the credentials. */
  get isByMessage(): boolean {
    const { token, user, anonymous } = this.#options;
    return token !== undefined || user !== undefined || anonymous === true;
  }

  /** Resolves with undefined when the login is not by message. Rejects with the token provider's error. */
  async credentials(): Promise<Credentials | undefined> {
    const { token, user, anonymous } = this.#options;
    if (token !== undefined) return { token: typeof token === "string" ? token : await token() };
    if (user !== undefined) return { user_id: user };
    return anonymous === true ? {} : undefined;
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
    const sizeOf = (value: object): number => new TextEncoder().encode(JSON.stringify(value)).length;
    return dataWith(resume((positions) => sizeOf(dataWith(positions)) < MAX_MESSAGE));
  }

  /** The URL of a connection whose login is not by message. */
  urlWith(resume: Resume): string {
    const { url, platform, device } = this.#options;
    const full = new URL(url);
    if (platform !== undefined) full.searchParams.set("platform", platform);
    if (device !== undefined) full.searchParams.set("device", device);
    const positions = resume((positions) => {
      full.searchParams.set("resume", JSON.stringify(positions));
      return full.href.length < MAX_URL;
    });
    if (Object.keys(positions).length > 0) full.searchParams.set("resume", JSON.stringify(positions));
    else full.searchParams.delete("resume");
    return full.href;
  }

  /**
   * Schedules the renewal of the login.
   * @param expiresAt milliseconds since 1970, by the server's clock; undefined when the login does not expire
   */
  scheduleRenewal(expiresAt: number | undefined): void {
    this.stop();
    this.#expiresAt = expiresAt;
    if (expiresAt === undefined || !this.#isRenewable) return;
    const leftMs = expiresAt - Date.now();
    // The client's clock is ahead: the server's notice `token_expiring` starts the renewal.
    if (leftMs <= 0) return;
    const delayMs = Math.max(leftMs - RENEW_BEFORE_MS, leftMs * 0.75);
    this.#cancelRenewal = this.#timers.after(delayMs, () => void this.renew());
  }

  /** Logs in again with a new token. After a failure it retries in the remaining time, at shrinking intervals. */
  async renew(): Promise<void> {
    if (this.#isRenewing || !this.#isRenewable) return;
    this.#isRenewing = true;
    try {
      const credentials = await this.credentials();
      const reply = credentials && (await this.#ports.renew(credentials));
      if (reply !== undefined) this.scheduleRenewal((reply as { expiresAt?: number }).expiresAt); // as the protocol says
    } catch (error) {
      this.#ports.failed(error);
      this.scheduleRenewal(this.#expiresAt);
    }
    this.#isRenewing = false;
  }

  stop(): void {
    this.#cancelRenewal?.();
    this.#expiresAt = undefined;
  }

  /** Only a provider can return a new token. A constant one expires with the login. */
  get #isRenewable(): boolean {
    return typeof this.#options.token === "function";
  }
}
