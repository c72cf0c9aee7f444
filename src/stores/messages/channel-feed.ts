import type { Channel, TidingsError } from "../../client/client.ts";
import type { Push } from "../../protocol/protocol.ts";
import { insist } from "../insist.ts";
import { joinFor } from "../membership.ts";
import type { Run } from "../shared-store.ts";
import { groupOf, type StoreClient } from "../store-client.ts";
import { DELETED, EDITED, MessageList, type Page } from "./message-list.ts";

/** What a feed shows. */
export interface FeedState {
  readonly messages: readonly Push[];
  readonly state: "idle" | "loading" | "ready" | "failed";
  readonly hasOlder: boolean;
  readonly isLoadingOlder: boolean;
  readonly losses: number;
  readonly error: TidingsError | undefined;
}

export interface FeedOptions {
  readonly channel: Channel;
  readonly types: readonly string[] | undefined;
  readonly join: boolean;
  readonly pageSize: number;
  readonly max: number;
}

/** Follows a channel for the time of a run: reads its newest page, adds what arrives, and reads older pages on demand. */
export class ChannelFeed {
  readonly #client: StoreClient;
  readonly #run: Run<FeedState>;
  readonly #options: FeedOptions;
  readonly #list: MessageList;
  /** Messages that arrived before the page to which they belong. */
  #held: Push[] | undefined = [];
  /** Epoch of the client's position when the list began. */
  #positionEpoch: string | undefined;
  /** Number of the last newest page that was asked for. */
  #loads = 0;
  #loadingOlder: Promise<void> | undefined;

  constructor(client: StoreClient, run: Run<FeedState>, options: FeedOptions) {
    this.#client = client;
    this.#run = run;
    this.#options = options;
    this.#list = new MessageList(options);
    const heard = options.types ? new Set([...options.types, EDITED, DELETED]) : ["*"];
    // The listeners come first: what is published after them is heard, and what was before is in the page.
    for (const type of heard) run.onEnd(client.on(type, (message) => this.#receive(message as Push)));
    run.onEnd(
      client.onStatus((status) => {
        if (status.type === "lost" && status.channel === options.channel) this.#lost();
      }),
    );
    void this.#begin();
  }

  /** Resolves when an older page is in the list, or has failed. */
  loadOlder(): Promise<void> {
    if (!this.#list.hasOlder || this.#run.signal.aborted) return Promise.resolve();
    this.#loadingOlder ??= this.#readOlder().finally(() => {
      this.#loadingOlder = undefined;
      this.#run.change({ isLoadingOlder: false });
    });
    return this.#loadingOlder;
  }

  async #begin(): Promise<void> {
    this.#run.change({ state: "loading" });
    const group = groupOf(this.#options.channel);
    try {
      if (this.#options.join && group !== undefined) await joinFor(this.#client, this.#run, group);
    } catch (error) {
      this.#release();
      this.#failed(error, "failed");
      return;
    }
    await this.#load();
  }

  /** Reads the newest page, and joins what has arrived since the listeners were added. */
  async #load(): Promise<void> {
    const load = ++this.#loads;
    this.#held ??= [];
    const isRead = await this.#read({}, (page) => {
      // A later load has begun: its page is newer.
      if (load !== this.#loads) return;
      this.#list.begin(page);
      this.#positionEpoch = this.#client.positions[this.#options.channel]?.epoch;
      this.#release();
      this.#show({ state: "ready", error: undefined });
    });
    if (isRead || load !== this.#loads) return;
    this.#release();
    this.#show({ state: "failed" });
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const push of held) this.#list.add(push);
  }

  #lost(): void {
    this.#run.change({ losses: this.#run.get().losses + 1 });
    if (this.#loads > 0) void this.#load();
  }

  #receive(push: Push): void {
    if (push.offset === undefined || channelOf(push) !== this.#options.channel) return;
    if (this.#held) this.#hold(this.#held, push);
    else if (this.#isOfAnotherEpoch(push.offset)) {
      void this.#load();
      this.#receive(push);
    } else if (this.#list.add(push)) this.#show({});
  }

  #hold(held: Push[], push: Push): void {
    held.push(push);
    if (held.length <= this.#options.max) return;
    // A page that is read from now on has what is dropped here, or newer messages only.
    held.length = 0;
    void this.#load();
  }

  /**
   * A message carries no epoch, and so the client's position tells of a new one. It is not compared with that of a page, which differs where the
   * server seals positions. A message with the next offset is unlikely to be of another epoch.
   */
  #isOfAnotherEpoch(offset: number): boolean {
    if (this.#list.epoch === undefined || offset === this.#list.newest + 1) return false;
    const before = this.#positionEpoch;
    this.#positionEpoch = this.#client.positions[this.#options.channel]?.epoch ?? before;
    return before !== undefined && this.#positionEpoch !== before;
  }

  async #readOlder(): Promise<void> {
    this.#run.change({ isLoadingOlder: true });
    const { length } = this.#list.messages;
    let goesOn = true;
    // A page may have no message of the types that are listed.
    while (goesOn && this.#list.hasOlder && this.#list.messages.length === length) {
      const { epoch, oldest } = this.#list;
      const isRead = await this.#read({ before: oldest }, (page) => {
        // A newest page that came meanwhile may have begun the list anew.
        goesOn = this.#list.epoch === epoch && this.#list.oldest === oldest;
        if (goesOn && page.epoch === epoch) this.#list.prepend(page);
        else if (goesOn) void this.#load();
        goesOn &&= page.epoch === epoch;
        this.#show({ error: undefined });
      });
      goesOn &&= isRead;
    }
  }

  /** Reads a page. @returns false when that failed, which the snapshot tells */
  async #read(query: { readonly before?: number }, take: (page: Page) => void): Promise<boolean> {
    const { channel, pageSize: limit } = this.#options;
    const { signal } = this.#run;
    this.#list.asked();
    try {
      const page = await insist(this.#client, signal, () =>
        this.#client.history({ channel, limit, ...query }, { signal }),
      );
      if (!signal.aborted) take(page as Page); // of types that the application declares
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    } finally {
      this.#list.answered();
    }
  }

  /** A call rejects with a TidingsError, and after the end of the run with what nobody sees any more. */
  #failed(error: unknown, state = this.#run.get().state): void {
    this.#run.change({ error: error as TidingsError, state });
  }

  #show(fields: Partial<FeedState>): void {
    const { messages, hasOlder } = this.#list;
    this.#run.change({ messages, hasOlder, ...fields });
  }
}

/** The channel of a message, as in src/protocol. */
function channelOf({ to, group }: Push): Channel {
  if (group !== undefined) return `group:${group}`;
  return to === undefined ? "all" : `user:${to}`;
}
