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
  /** Messages that arrived before the page to which they belong: the newest ones, as many as the list has room for. */
  #held: Push[] | undefined = [];
  /** True when there were more of them than that: the page may not reach to those that are left. */
  #hasDropped = false;
  /** Epoch of the client's position when the newest page was asked for; undefined while the client did not follow the channel. */
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
      this.#show({ state: "failed", error: error as TidingsError }); // a call rejects with nothing else
      return;
    }
    await this.#load(this.#held);
  }

  /**
   * Reads the newest page, and joins what arrives meanwhile.
   * @param held what has arrived before, without a loss. @default none: the page has it, or newer messages only
   */
  async #load(held: Push[] = []): Promise<void> {
    const load = ++this.#loads;
    this.#held = held;
    this.#hasDropped = false;
    const error = await this.#read({}, (page, positionEpoch) => {
      // A later load has begun: its page is newer.
      if (load !== this.#loads) return;
      if (positionEpoch !== undefined && positionEpoch !== this.#epochNow()) return void this.#load();
      this.#positionEpoch = positionEpoch;
      this.#list.begin(this.#hasDropped ? { ...page, messages: this.#held ?? [], more: true } : page);
      this.#release();
      this.#show({ state: "ready", error: undefined });
    });
    if (!error || load !== this.#loads) return;
    // Nothing joins what was listed with what has arrived since.
    this.#list.clear();
    this.#release();
    this.#show({ state: "failed", error });
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const push of held) this.#list.add(push);
  }

  #lost(): void {
    this.#run.change({ losses: this.#run.get().losses + 1 });
    if (this.#loads > 0) return void this.#load();
    // The join is on its way, or was refused.
    this.#held &&= [];
    this.#list.clear();
    this.#show({});
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
    held.shift();
    this.#hasDropped = true;
  }

  /**
   * Tells whether a message does not continue the list, though no loss was told of: the epoch is a new one, or the client came to follow the channel after
   * the page was read. A message carries no epoch, and so the client's position tells. It is not compared with that of a page, which differs where the
   * server seals positions. A message with the next offset is unlikely to be of another epoch.
   */
  #isOfAnotherEpoch(offset: number): boolean {
    if (this.#list.epoch === undefined || offset === this.#list.newest + 1) return false;
    return this.#positionEpoch !== (this.#epochNow() ?? this.#positionEpoch);
  }

  #epochNow(): string | undefined {
    return this.#client.positions[this.#options.channel]?.epoch;
  }

  async #readOlder(): Promise<void> {
    this.#run.change({ isLoadingOlder: true });
    const first = this.#list.messages[0]?.offset;
    let goesOn = true;
    // A page may have no message of the types that are listed.
    while (goesOn && this.#list.hasOlder && this.#list.messages[0]?.offset === first) {
      const { epoch, oldest } = this.#list;
      const error = await this.#read({ before: oldest }, (page) => {
        // A newest page that came meanwhile may have begun the list anew.
        goesOn = this.#list.epoch === epoch && this.#list.oldest === oldest;
        if (goesOn && page.epoch === epoch) this.#list.prepend(page);
        else if (goesOn) void this.#load();
        goesOn &&= page.epoch === epoch;
      });
      goesOn &&= error === undefined;
      this.#show({ error });
    }
  }

  /**
   * Reads a page.
   * @param take called with the page, and with the epoch of the client's position when it was asked for
   * @returns the error when that failed
   */
  async #read(
    query: { readonly before?: number },
    take: (page: Page, positionEpoch: string | undefined) => void,
  ): Promise<TidingsError | undefined> {
    const { channel, pageSize: limit } = this.#options;
    const { signal } = this.#run;
    let positionEpoch: string | undefined;
    this.#list.asked();
    try {
      const page = await insist(this.#client, signal, () => {
        positionEpoch = this.#epochNow();
        return this.#client.history({ channel, limit, ...query }, { signal });
      });
      if (!signal.aborted) take(page as Page, positionEpoch); // of types that the application declares
      return undefined;
    } catch (error) {
      return error as TidingsError; // a call rejects with nothing else, and after the end of the run nobody sees it
    } finally {
      this.#list.answered();
    }
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
