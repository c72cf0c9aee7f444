import type { Positions } from "../../protocol/protocol.ts";
import type { Cancel, Timers } from "../connection/timers.ts";
import type { ClientOptions } from "../options.ts";

/** What proves who the client is. */
export type Credentials = { readonly token: string } | { readonly user_id: string };

type LoginOptions = Pick<ClientOptions, "url" | "token" | "user" | "platform" | "device">;

/** A login is renewed so long before its end; a short one when a quarter of it is left. */
const RENEW_BEFORE_MS = 30_000;

export interface LoginPorts {
  /** Logs in again on the live connection. Resolves with the reply; undefined when there is no connection. */
  renew(credentials: Credentials): Promise<unknown>;
  failed(error: unknown): void;
}

/** How the client says who it is, on every connection and while one lasts. */
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

  /** False when the URL or cookies say who the client is. */
  get isByMessage(): boolean {
    return this.#options.token !== undefined || this.#options.user !== undefined;
  }

  /** Undefined when the login is not by message. Rejects with what the token provider threw. */
  async credentials(): Promise<Credentials | undefined> {
    const { token, user } = this.#options;
    if (token !== undefined) return { token: typeof token === "string" ? token : await token() };
    return user === undefined ? undefined : { user_id: user };
  }

  /** The `data` of `robot.login`. */
  data(credentials: Credentials, resume: Positions): object {
    const { platform, device } = this.#options;
    return { ...credentials, platform, device, resume };
  }

  /** The URL of a connection whose login is not by message. */
  urlWith(resume: Positions): string {
    const { url, platform, device } = this.#options;
    const full = new URL(url);
    if (platform !== undefined) full.searchParams.set("platform", platform);
    if (device !== undefined) full.searchParams.set("device", device);
    if (Object.keys(resume).length > 0) full.searchParams.set("resume", JSON.stringify(resume));
    return full.href;
  }

  /** The login ends at this time of the server's clock, in milliseconds since 1970, unless it is renewed. */
  endsAt(expiresAt: number | undefined): void {
    this.stop();
    this.#expiresAt = expiresAt;
    if (expiresAt === undefined || !this.#isRenewable) return;
    const leftMs = expiresAt - Date.now();
    // With a clock that is ahead, the server's notice or its close says when.
    if (leftMs <= 0) return;
    const delayMs = Math.max(leftMs - RENEW_BEFORE_MS, leftMs * 0.75);
    this.#cancelRenewal = this.#timers.after(delayMs, () => void this.renew());
  }

  /** Logs in again with a fresh token. When that fails, tries again in what is left of the time, ever sooner. */
  async renew(): Promise<void> {
    if (this.#isRenewing || !this.#isRenewable) return;
    this.#isRenewing = true;
    try {
      const credentials = await this.credentials();
      const reply = credentials && (await this.#ports.renew(credentials));
      if (reply !== undefined) this.endsAt((reply as { expiresAt?: number }).expiresAt); // as the protocol says
    } catch (error) {
      this.#ports.failed(error);
      this.endsAt(this.#expiresAt);
    }
    this.#isRenewing = false;
  }

  stop(): void {
    this.#cancelRenewal?.();
    this.#expiresAt = undefined;
  }

  /** A token that never changes would only be refused later. */
  get #isRenewable(): boolean {
    return typeof this.#options.token === "function";
  }
}
