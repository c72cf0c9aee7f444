import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { TidingsError } from "../../../../src/client/client.ts";
import type { Login } from "../wire.ts";
import { post } from "./post.ts";

/** In the browser's storage, which all tabs share: a login in one of them is one in all. */
const KEY = "tidings.chat.login";

/** Name of the lock under which one tab at a time refreshes: a used refresh token ends soon. */
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
  /** The login, where the browser refuses its storage. */
  #unstored: Stored | undefined;

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
    return this.#isFresh(login) ? login.token : this.#refresh(login.user);
  }

  #isFresh({ token, renewAt }: Stored): boolean {
    return token !== this.#refused && Date.now() < renewAt;
  }

  #refresh(user: string): Promise<string> {
    // Browsers have locks in pages with TLS, and on this machine.
    const { locks } = navigator as { readonly locks?: LockManager };
    return locks === undefined ? this.#renew(user) : locks.request(LOCK, () => this.#renew(user));
  }

  async #renew(user: string): Promise<string> {
    // Another tab may have refreshed meanwhile.
    const login = this.#take(this.#present(), user);
    if (this.#isFresh(login)) return login.token;
    const { refreshToken } = login;
    const next = await post("refresh", { refreshToken }).catch((error: unknown) => {
      if (error instanceof TidingsError && error.code === "unauthorized") return undefined;
      throw error;
    });
    if (next === undefined) return this.#afterRefusal(login);
    const present = this.#present();
    if (present?.refreshToken === refreshToken) {
      this.keep(next);
      return next.token;
    }
    // The login was ended or replaced while the reply was on its way: the reply must not bring it back.
    void post("logout", { refreshToken: next.refreshToken }).catch(() => undefined);
    return this.#take(present, user).token;
  }

  /** The server does not take the refresh token: another tab may have used it, or the login is over. */
  async #afterRefusal(login: Stored): Promise<string> {
    const present = await this.#successorOf(login);
    if (present?.refreshToken !== login.refreshToken) return this.#take(present, login.user).token;
    this.end("Your session is over. Log in again.");
    throw over();
  }

  /** Waits a moment for another login than this one. @returns the login that is there then */
  async #successorOf({ refreshToken }: Stored): Promise<Stored | undefined> {
    for (let waitedMs = 0; waitedMs < OTHER_TAB_MS; waitedMs += 100) {
      if (this.#present()?.refreshToken !== refreshToken) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return this.#present();
  }

  /** The login of all tabs. The event that tells of a change in another tab comes later. */
  #present(): Stored | undefined {
    return load() ?? this.#unstored;
  }

  /** Takes the login of all tabs over. @throws TidingsError `unauthorized` when it is not this user's any more */
  #take(present: Stored | undefined, user: string): Stored {
    this.#login.value = present;
    if (present?.user !== user) throw over();
    return present;
  }

  #store(login: Stored | undefined): void {
    try {
      if (login === undefined) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, JSON.stringify(login));
      this.#unstored = undefined;
    } catch {
      // The browser refuses its storage: the login lasts as long as the page.
      this.#unstored = login;
    }
    this.#login.value = login;
  }
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
