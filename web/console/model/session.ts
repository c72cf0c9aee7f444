import { type Signal, signal } from "@preact/signals";
import { ApiKey, hasTrait } from "../../shared/shared.ts";
import { Api, ApiError, messageOf } from "./api.ts";
import { Hub } from "./hub.ts";
import type { ConsoleLogin } from "./replies.ts";

export type SessionState =
  | { readonly state: "closed"; readonly error?: ApiError }
  | { readonly state: "opening" }
  | { readonly state: "open"; readonly hub: Hub };

/** Who uses the console: an API key of the scope `admin`, or nobody yet. */
export class Session {
  readonly state: Signal<SessionState> = signal({ state: "closed" });
  readonly #key = new ApiKey();

  constructor() {
    const key = this.#key.value.peek();
    if (key !== undefined || hasTrait("open")) void this.open(key);
  }

  /** @param key undefined where the API is open */
  async open(key: string | undefined): Promise<void> {
    this.state.value = { state: "opening" };
    const api = new Api(key);
    try {
      const login = await api.post<ConsoleLogin>("/console/session", {});
      if (key !== undefined) this.#key.enter(key);
      this.state.value = { state: "open", hub: new Hub(api, login, () => this.#refused()) };
    } catch (error) {
      const shown = error instanceof ApiError ? error : new ApiError(0, "internal", messageOf(error));
      // A key of another scope may be that of another page.
      if (shown.status === 401) this.#key.forget();
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
    this.#key.forget();
    const state = this.state.peek();
    if (state.state === "open") state.hub.close();
  }
}
