import { effect, type ReadonlySignal, untracked } from "@preact/signals";
import { type Client, connect, type Status, TidingsError } from "../../../src/client/client.ts";
import { type Channel, targetOf } from "../../../src/protocol/protocol.ts";
import { countOf, Reachability } from "../../shared/shared.ts";
import type { Events } from "../events.ts";
import type { Address, ConversationId } from "./address.ts";
import { Latency } from "./connection/latency.ts";
import { Network } from "./connection/network.ts";
import type { Conversation } from "./conversation.ts";
import { FrameLog } from "./frames/frames.ts";
import { channelToRead, History } from "./history.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import { MembersWatch } from "./people/members.ts";
import { PresenceList } from "./people/presence.ts";
import { State } from "./state.ts";

export interface ChatOptions {
  readonly user: string;
  /** URL of the WebSocket. */
  readonly url: string | URL;
  readonly address: ReadonlySignal<Address>;
  readonly isVisible: () => boolean;
}

/** The chat of one user: a client of the hub that updates the state. */
export class Chat {
  readonly state: State;
  readonly frames = new FrameLog();
  readonly network: Network;
  readonly #reachability: Reachability;
  readonly #client: Client<Events>;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #history: History;
  readonly #presence: PresenceList;
  readonly #latency: Latency;
  readonly #stopFollowing: () => void;
  /** Watch of the group that is open. */
  #members: MembersWatch | undefined;
  #connections = 0;

  constructor({ user, url, address, isVisible }: ChatOptions) {
    this.#reachability = new Reachability(() => this.#demandProof());
    this.network = new Network({
      opened: (opened) => this.frames.opened(opened),
      sent: (text) => this.frames.sent(text),
      received: (text) => {
        this.#reachability.proven();
        this.frames.received(text);
      },
      closed: (code, reason) => this.frames.closed(code, reason),
    });
    this.state = new State(user, address, this.#reachability.hasNetwork);
    this.#client = connect<Events>(url, { user, WebSocket: this.network.WebSocket });
    this.#outbox = new Outbox(this.#client, this.state);
    this.#inbox = new Inbox(this.state, this.#outbox.sent, isVisible);
    this.#history = new History(this.#client, this.state, this.#inbox);
    this.#presence = new PresenceList(this.#client, this.state);
    this.#latency = new Latency(this.#client, this.state);
    this.#client.on("*", (message) => this.#inbox.receive(message));
    this.#client.onStatus((status) => this.#follow(status));
    this.#client.onPresence(({ user, online }) => this.#presence.changed(user, online));
    this.#inbox.startCatchingUp();
    this.state.conversation("all");
    this.#outbox.restore();
    this.#stopFollowing = effect(() => {
      const selected = this.state.selected.value;
      untracked(() => this.#select(selected));
    });
  }

  sendText(channel: Channel, text: string): void {
    void this.#outbox.text(channel, text);
  }

  sendPicture(channel: Channel, url: string): void {
    void this.#outbox.picture(channel, url);
  }

  typing(channel: Channel): void {
    this.#outbox.typing(channel);
  }

  loadEarlier(conversation: Conversation): void {
    void this.#try(this.#history.loadEarlier(conversation));
  }

  async leave(group: string): Promise<void> {
    this.state.groups.value = this.state.groups.peek().filter((each) => each !== group);
    this.state.endConversation(`group:${group}`);
    await this.#try(this.#client.leave(group));
  }

  /** Marks the selected conversation as read, because the page is visible again. */
  seen(): void {
    const selected = this.state.selected.peek();
    if (selected !== undefined) this.state.conversation(selected).unread.value = 0;
  }

  async close(): Promise<void> {
    this.#stopFollowing();
    this.#members?.stop();
    this.#reachability.stop();
    this.#outbox.sent.stop();
    this.#presence.stop();
    this.#latency.stop();
    this.#inbox.close();
    this.state.news.stop();
    await this.#client.close();
  }

  /** Opens a conversation. Opening a group joins it. */
  #select(id: ConversationId | undefined): void {
    this.#members?.stop();
    this.#members = undefined;
    if (id === undefined) return;
    const conversation = this.state.conversation(id);
    conversation.unread.value = 0;
    const { group } = id === "application" ? {} : targetOf(id);
    if (group !== undefined) this.#members = new MembersWatch(this.#client, conversation, group);
    if (group !== undefined && !this.state.groups.peek().includes(group)) void this.#join(group);
    else if (conversation.loaded.peek().state === "unknown") this.loadEarlier(conversation);
  }

  async #join(group: string): Promise<void> {
    this.state.groups.value = [...this.state.groups.peek(), group].sort();
    const joined = await this.#try(this.#client.join(group));
    if (joined === undefined) this.state.groups.value = this.state.groups.peek().filter((it) => it !== group);
    else this.loadEarlier(this.state.conversation(`group:${group}`));
  }

  #follow(status: Status): void {
    switch (status.type) {
      case "connecting":
        this.state.connection.value = {
          state: "connecting",
          attempt: status.attempt,
          isFirst: this.#connections === 0 && status.attempt === 1,
        };
        break;
      case "open":
        this.state.welcome.value = status.welcome;
        this.state.connection.value = { state: "online" };
        void this.#opened();
        break;
      case "closed":
        this.#closed(status);
        break;
      case "lost":
        this.#lost(status.channel);
        break;
      case "acked":
        this.#outbox.acked(status.id);
        break;
      case "notice":
        this.state.news.tell("bad", status.message);
        break;
      case "error":
        this.state.news.tell("bad", describe(status.error));
    }
  }

  /** An open connection has to answer within 5 s, or it counts as lost. */
  #demandProof(): void {
    if (this.#client.state === "open") this.#client.connect();
  }

  async #opened(): Promise<void> {
    const connection = ++this.#connections;
    // The client writes requests after all missed messages arrived, so this reply comes after them.
    await this.#try(this.#client.request("robot.ping"));
    const isOver = connection !== this.#connections || this.state.connection.peek().state !== "online";
    if (isOver) return;
    this.#tellCaughtUp(this.#inbox.endCatchingUp(), connection);
    await this.#try(this.#presence.refresh());
    await this.#try(this.#latency.measure());
    await this.#try(this.#history.loadPartners());
  }

  #tellCaughtUp(missed: number, connection: number): void {
    if (missed > 0) this.state.news.tell("good", `Caught up: ${countOf(missed, "message")}`);
    else if (connection > 1) this.state.news.tell("good", "Back online. Nothing was missed.");
  }

  #closed({ code, reason, willRetry, delayMs = 0 }: Extract<Status, { type: "closed" }>): void {
    if (this.state.connection.peek().state === "online") this.#inbox.startCatchingUp();
    this.state.connection.value = willRetry
      ? { state: "waiting", retryAt: Date.now() + delayMs }
      : { state: "ended", code, reason };
    // A notice with this text may have come before.
    if (!willRetry) this.state.news.withdraw(reason);
  }

  #lost(channel: Channel): void {
    this.state.news.tell("bad", "Some messages are lost: the history no longer had them.");
    for (const [id, conversation] of this.state.conversations.peek()) {
      if (channelToRead(id, this.state.user) !== channel) continue;
      conversation.mark("lost", `lost-${this.#connections}`);
      // The loaded offset may belong to an earlier epoch of the history.
      conversation.loaded.value = { state: "more" };
    }
  }

  /** Reports a failure as news, and resolves with undefined. The connection's state shows a lost connection instead. */
  async #try<Result>(work: Promise<Result>): Promise<Result | undefined> {
    try {
      return await work;
    } catch (error) {
      const isBroken = error instanceof TidingsError && error.code === "unavailable";
      const isShown = isBroken || this.state.connection.peek().state !== "online";
      if (!isShown) this.state.news.tell("bad", describe(error));
      return undefined;
    }
  }
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));
