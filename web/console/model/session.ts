import { type Signal, signal } from "@preact/signals";
import { hasTrait } from "../../shared/shared.ts";
import { Api, ApiError, messageOf } from "./api.ts";
import { Hub } from "./hub.ts";
import type { ConsoleLogin } from "./replies.ts";

/** In the storage of the tab: it outlives a reload, and ends with the tab. */
const KEY = "tidings-console-key";

export type SessionState =
  | { readonly state: "closed"; readonly error?: ApiError }
  | { readonly state: "opening" }
  | { readonly state: "open"; readonly hub: Hub };

/** Who uses the console: an API key of the scope `admin`, or nobody yet. */
export class Session {
  readonly state: Signal<SessionState> = signal({ state: "closed" });

  constructor() {
    const key = stored();
    if (key !== undefined) void this.open(key);
    else if (hasTrait("open")) void this.open(undefined);
  }

  /** @param key undefined where the API is open */
  async open(key: string | undefined): Promise<void> {
    this.state.value = { state: "opening" };
    const api = new Api(key);
    try {
      const login = await api.post<ConsoleLogin>("/console/session", {});
      if (key !== undefined) store(key);
      this.state.value = { state: "open", hub: new Hub(api, login, () => this.#refused()) };
    } catch (error) {
      forget();
      const shown = error instanceof ApiError ? error : new ApiError(0, "internal", messageOf(error));
      this.state.value = { state: "closed", error: shown };
    }
  }

  close(): void {
    this.#end();
    this.state.value = { state: "closed" };
  }

  /** The key is no longer valid. */
  #refused(): void {
    this.#end();
    this.state.value = {
      state: "closed",
      error: new ApiError(401, "unauthorized", "The API key is no longer valid."),
    };
  }

  #end(): void {
    forget();
    const state = this.state.peek();
    if (state.state === "open") state.hub.close();
  }
}

function stored(): string | undefined {
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined; // the browser refuses storage
  }
}

function store(key: string): void {
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // The key lasts until the page is left.
  }
}

function forget(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // The browser refuses storage, so there is none.
  }
}
