import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { TidingsError } from "../../../../src/client/client.ts";
import type { Login } from "../wire.ts";
import { post } from "./post.ts";

/** In the browser's storage, which all tabs share: a login in one of them is one in all. */
const KEY = "tidings.chat.login";

/** Name of the lock under which one tab at a time refreshes: a refresh token serves once. */
const LOCK = "tidings.chat.refresh";

/** Time in which another tab stores the login that it has got for the same refresh token, where the browser has no locks. */
const OTHER_TAB_MS = 2_000;

/** Part of its lifetime after which a token is replaced. The client asks for a new one at two thirds. */
const FRESH = 0.6;

interface Stored extends Login {
  /** When the token should be replaced, by this machine's clock. */
  readonly renewAt: number;
}

/**
 * The user's login. The backend gives tokens and no cookie, so they are kept in the browser's storage: a reload and other tabs need them,
 * and the page's security policy lets no foreign code run that could read them.
 */
export class Session {
  readonly #login: Signal<Stored | undefined>;
  /** Undefined without a login. */
  readonly user: ReadonlySignal<string | undefined> = computed(() => this.#login.value?.user);
  /** Why the last login is over, if the user has not ended it. */
  readonly ended: Signal<string | undefined> = signal(undefined);
  /** A token that the server has refused. */
  #refused: string | undefined;

  constructor() {
    this.#login = signal(load());
    addEventListener("storage", ({ key }) => {
      if (key === KEY || key === null) this.#login.value = load();
    });
  }

  /** Logs in, or makes an account first. Rejects as the server says. */
  async begin(how: "login" | "register", user: string, password: string): Promise<void> {
    this.keep(await post(how, { user, password }));
    this.ended.value = undefined;
  }

  /** Takes a login that has replaced the present one. */
  keep(login: Login): void {
    const now = Date.now();
    this.#store({ ...login, renewAt: now + Math.max(0, login.expiresAt - now) * FRESH });
  }

  /** Ends the login in all tabs. The server forgets the refresh token as soon as it is reached. */
  logOut(): void {
    const login = this.#login.peek();
    if (login !== undefined) void post("logout", { refreshToken: login.refreshToken }).catch(() => undefined);
    this.#store(undefined);
  }

  /** Ends the login in all tabs, because the server does not accept it any more. */
  end(reason: string): void {
    this.ended.value = reason;
    this.#store(undefined);
  }

  /** The server has refused the present token. The next one comes by the refresh token. */
  refuse(): void {
    this.#refused = this.#login.peek()?.token;
  }

  /**
   * Returns a token that is good for a while, as the client's token provider.
   * @throws TidingsError `unauthorized`, after which the client gives up, when the login is over
   */
  async token(): Promise<string> {
    const login = this.#login.peek();
    if (login === undefined) throw over();
    return this.#isFresh(login) ? login.token : this.#refresh();
  }

  #isFresh({ token, renewAt }: Stored): boolean {
    return token !== this.#refused && Date.now() < renewAt;
  }

  #refresh(): Promise<string> {
    // Browsers have locks in pages with TLS, and on this machine.
    const { locks } = navigator as { readonly locks?: LockManager };
    return locks === undefined ? this.#renew() : locks.request(LOCK, () => this.#renew());
  }

  async #renew(): Promise<string> {
    // Another tab may have refreshed meanwhile.
    const login = load() ?? this.#login.peek();
    if (login === undefined) throw over();
    this.#login.value = login;
    if (this.#isFresh(login)) return login.token;
    try {
      this.keep(await post("refresh", { refreshToken: login.refreshToken }));
    } catch (error) {
      if (!(error instanceof TidingsError) || error.code !== "unauthorized") throw error;
      if (!(await hasChanged(login))) {
        this.end("Your session is over. Log in again.");
        throw over();
      }
      this.#login.value = load();
    }
    return this.#login.peek()?.token ?? "";
  }

  #store(login: Stored | undefined): void {
    try {
      if (login === undefined) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, JSON.stringify(login));
    } catch {
      // The browser refuses its storage: the login lasts as long as the page.
    }
    this.#login.value = login;
  }
}

/** Waits a moment for another tab that has used the same refresh token. @returns false when there is none */
async function hasChanged(login: Stored): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < OTHER_TAB_MS; waitedMs += 100) {
    const present = load();
    if (present !== undefined && present.refreshToken !== login.refreshToken) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

const over = (): TidingsError => new TidingsError("unauthorized", "there is no login");

function load(): Stored | undefined {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "null");
    const isComplete = [stored?.user, stored?.token, stored?.refreshToken].every(
      (each) => typeof each === "string",
    );
    return isComplete ? stored : undefined;
  } catch {
    return undefined;
  }
}
