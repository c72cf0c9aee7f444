import { type ReadonlySignal, signal } from "@preact/signals";
import type { Client } from "../../../src/client/client.ts";
import type { Credential } from "./credential.ts";

/** A message that arrived while the page listens. */
export interface Received {
  /** Counts what arrived. */
  readonly number: number;
  readonly type: string;
  /** Undefined for a message of the application. */
  readonly from: string | undefined;
  /** The data as JSON, at most {@link MAX_CHARACTERS} of it. */
  readonly text: string;
}

/** Messages that are kept. */
const MAX_MESSAGES = 50;

const MAX_CHARACTERS = 2_000;

/** `off`, `connecting` (also again), `open`, or `ended`: the hub wants no further attempt. */
export type ListeningState = "off" | "connecting" | "open" | "ended";

/** A client in this page that listens as a user. The SDK is loaded when it begins. */
export class Listening {
  readonly #state = signal<ListeningState>("off");
  readonly #messages = signal<readonly Received[]>([]);
  #client: Client | undefined;
  #count = 0;

  get state(): ReadonlySignal<ListeningState> {
    return this.#state;
  }

  get messages(): ReadonlySignal<readonly Received[]> {
    return this.#messages;
  }

  async begin(socket: URL, credential: Credential): Promise<void> {
    if (this.#state.value !== "off") return;
    this.#state.value = "connecting";
    const { connect } = await import("../../../src/client/client.ts");
    // The user may have ended it while the SDK came.
    if (this.#state.peek() !== "connecting") return;
    const login =
      "token" in credential
        ? { token: credential.token }
        : { user: "user" in credential ? credential.user : undefined };
    const client = connect(socket, { ...login, device: "start page", storage: false });
    this.#client = client;
    client.onStatus((status) => {
      if (client !== this.#client) return;
      if (status.type === "open") this.#state.value = "open";
      else if (status.type === "closed") this.#state.value = status.willRetry ? "connecting" : "ended";
    });
    client.on("*", ({ type, from, data }) => this.#add(type, from, data));
  }

  end(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#state.value = "off";
    client?.close();
  }

  #add(type: string, from: string | undefined, data: unknown): void {
    const text = (JSON.stringify(data) ?? "").slice(0, MAX_CHARACTERS);
    this.#count += 1;
    const message = { number: this.#count, type, from, text };
    this.#messages.value = [...this.#messages.value, message].slice(-MAX_MESSAGES);
  }
}
