import { effect, type Signal, signal } from "@preact/signals";
import { type Client, connect, type Status } from "../../../src/client/client.ts";
import { socketUrl } from "../../shared/shared.ts";
import { type Api, ApiError, messageOf } from "./api.ts";
import { Hour, pointOfAll } from "./hour.ts";
import type { ApiFailure, ConsoleLogin, EventPage, History, Top } from "./replies.ts";
import { Tail } from "./tail.ts";

/** Messages of the feed. */
interface Feed {
  "console.overview": Top | { readonly error: ApiFailure };
  "console.events": EventPage;
}

/** False for what a user has published to the console with a type of the feed: the server gives an id to every message, and the feed has none. */
const isOfFeed = ({ id }: { readonly id?: string }): boolean => id === undefined;

/** Time after which the page asks again for a feed that the server has refused, in milliseconds. */
const RETRY_MS = 3_000;

/** State of the feed. */
export type FeedState = "connecting" | "live" | "waiting" | "ended";

/** The hub as the console sees it: live figures by the SDK, everything else by the HTTP API. */
export class Hub {
  readonly api: Api;
  readonly feed: Signal<FeedState> = signal("connecting");
  /** Why the feed has ended. */
  readonly ended: Signal<string | undefined> = signal(undefined);
  readonly top: Signal<Top | undefined> = signal(undefined);
  /** Why there is no new overview. */
  readonly problem: Signal<string | undefined> = signal(undefined);
  /** Why the server pushes nothing new to a connection that is open. */
  readonly refusal: Signal<string | undefined> = signal(undefined);
  readonly hour = new Hour();
  readonly tail = new Tail();
  readonly #client: Client<Feed>;
  readonly #refused: () => void;
  readonly #user: string;
  /** The first login, until the client has used it. */
  #first: string | undefined;
  readonly #stop: () => void;
  /** Number of the last request for the feed: earlier ones decide nothing any more. */
  #watches = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** @param refused called when the API key is no longer valid */
  constructor(api: Api, { user, token }: ConsoleLogin, refused: () => void) {
    this.api = api;
    this.#refused = refused;
    this.#user = user;
    this.#first = token;
    this.#client = connect<Feed>(socketUrl(), {
      token: () => this.#token(),
      platform: "console",
      storage: false,
    });
    this.#client.on("console.overview", (message) => isOfFeed(message) && this.#overview(message.data));
    this.#client.on("console.events", (message) => isOfFeed(message) && this.tail.add(message.data));
    this.#client.onStatus((status) => this.#follow(status));
    this.#stop = effect(() => {
      const events = this.tail.wanted.value;
      if (this.feed.value === "live") void this.#watch(events);
    });
    void this.#begin();
  }

  close(): void {
    this.#stop();
    this.#watches++;
    clearTimeout(this.#retry);
    void this.#client.close();
  }

  async #token(): Promise<string> {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) return first;
    try {
      return (await this.api.post<ConsoleLogin>("/console/session", { console: this.#user })).token;
    } catch (error) {
      if (error instanceof ApiError && [401, 403].includes(error.status)) this.#refused();
      throw error;
    }
  }

  async #begin(): Promise<void> {
    try {
      this.hour.begin(await this.api.get<History>("/nodes/history"));
    } catch {
      // The charts begin now.
    }
  }

  /** Asks for the feed until the server agrees, or the connection is lost: the next one asks anew. */
  async #watch(events: object | undefined): Promise<void> {
    const number = ++this.#watches;
    clearTimeout(this.#retry);
    const watched = events === undefined ? { overview: true } : { overview: true, events };
    const refusal = await this.#client.request("console.watch", watched).then(() => undefined, messageOf);
    if (number !== this.#watches || this.feed.peek() !== "live") return;
    this.refusal.value = refusal;
    if (refusal !== undefined) this.#retry = setTimeout(() => void this.#watch(events), RETRY_MS);
  }

  #overview(data: Feed["console.overview"]): void {
    if ("error" in data) {
      this.problem.value = data.error.message;
      return;
    }
    this.problem.value = undefined;
    this.top.value = data;
    this.hour.add(data.at, pointOfAll(data));
  }

  #follow(status: Status): void {
    if (status.type === "open") this.feed.value = "live";
    else if (status.type === "connecting") this.feed.value = "connecting";
    else if (status.type === "closed") {
      this.feed.value = status.willRetry ? "waiting" : "ended";
      this.ended.value = status.willRetry ? undefined : (status.error?.message ?? status.reason);
    }
  }
}
