import type { Positions } from "../protocol/protocol.ts";
import type { ClientOptions } from "./options.ts";
import type { Cancel, Timers } from "./timers.ts";

/** What proves who the client is. */
export type Credentials = { readonly token: string } | { readonly user_id: string };

type LoginOptions = Pick<ClientOptions, "url" | "token" | "user" | "platform" | "device">;

/** A login is renewed so long before its end; a short one when a quarter of it is left. */
const RENEW_BEFORE_MS = 30_000;

/** How the client says who it is, on every connection and while one lasts. */
export class Login {
  readonly #options: LoginOptions;
  readonly #timers: Timers;
  /** Logs in again on the live connection. */
  readonly #renew: () => void;
  #cancelRenewal: Cancel | undefined;

  constructor(options: LoginOptions, timers: Timers, renew: () => void) {
    this.#options = options;
    this.#timers = timers;
    this.#renew = renew;
  }

  /** Undefined when the URL or cookies do it. Rejects with what the token provider threw. */
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

  /** The URL of a connection whose credentials are not in its first message. */
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
    if (expiresAt === undefined || !this.isRenewable) return;
    const leftMs = expiresAt - Date.now();
    // With a clock that is ahead the server's notice, or its close, says when.
    if (leftMs <= 0) return;
    const delayMs = Math.max(leftMs - RENEW_BEFORE_MS, leftMs * 0.75);
    this.#cancelRenewal = this.#timers.after(delayMs, this.#renew);
  }

  /** A token that never changes would only be refused later. */
  get isRenewable(): boolean {
    return typeof this.#options.token === "function";
  }

  stop(): void {
    this.#cancelRenewal?.();
  }
}
