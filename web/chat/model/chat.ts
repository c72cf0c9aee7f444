import { batch, effect, type ReadonlySignal, untracked } from "@preact/signals";
import { type Client, connect, type Status, TidingsError } from "../../../src/client/client.ts";
import { type Push, targetOf } from "../../../src/protocol/protocol.ts";
import { countOf, Reachability, socketUrl } from "../../shared/shared.ts";
import type { Address } from "./address.ts";
import { readContent } from "./content.ts";
import { type Conversation, isChatGroup } from "./conversation.ts";
import { History } from "./history.ts";
import { Inbox } from "./inbox.ts";
import { Lists } from "./lists.ts";
import { LocalOutbox, type Outbox } from "./outbox.ts";
import { People } from "./people.ts";
import type { Session } from "./session/session.ts";
import { State } from "./state.ts";
import { Typing } from "./typing.ts";
import type { Ask, Requests, Written } from "./wire.ts";

/** Time between two messages that say that the user is typing, shorter than the time for which receivers show it. */
const TYPING_INTERVAL_MS = 2_000;

/** Time after which the page asks again for what it did not get on a new connection. */
const RETRY_MS = 3_000;

/** Close codes for a token that the server does not take: not valid (after a restart in development mode), and expired. */
const REFUSED: readonly number[] = [4500, 4005];

export interface ChatOptions {
  readonly user: string;
  readonly session: Session;
  readonly address: ReadonlySignal<Address>;
  readonly isVisible: () => boolean;
  /** Called when the open conversation has ended. */
  readonly left: () => void;
}

/** The chat of one user: a client of the hub that updates the state. */
export class Chat {
  readonly state: State;
  readonly people: People;
  readonly outbox: Outbox;
  readonly #options: ChatOptions;
  readonly #client: Client;
  readonly #history: History;
  readonly #inbox: Inbox;
  readonly #lists: Lists;
  readonly #typing = new Typing();
  readonly #reachability: Reachability;
  readonly #stopFollowing: () => void;
  #typingSentAt = 0;
  #connections = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Messages that came while the client caught up. Undefined when all are live. */
  #caughtUp: number | undefined = 0;

  constructor(options: ChatOptions) {
    const { user, session, address } = options;
    this.#options = options;
    this.#reachability = new Reachability(() => void this.#demandProof());
    this.state = new State(user, address, this.#reachability.hasNetwork);
    this.#client = connect(socketUrl(), { token: () => session.token() });
    this.#history = new History(this.ask);
    this.people = new People(this.#client, this.ask, this.state);
    const isSeen = (conversation: Conversation): boolean => this.#isSeen(conversation);
    const { state, people, ask } = this;
    const failed = (error: unknown): void => this.#tell(error);
    this.#lists = new Lists({ state, people, ask, isSeen, failed });
    this.#inbox = new Inbox({
      ...{ state, people, typing: this.#typing, isSeen },
      refresh: (list, withinMs) => this.#lists.refresh(list, withinMs),
      seen: (conversation) => this.#history.seen(conversation),
      removed: (group) => this.#ended(group),
    });
    this.outbox = this.#makeOutbox();
    this.#client.on("*", (message) => this.#received(message));
    this.#client.onStatus((status) => this.#follow(status));
    this.#stopFollowing = effect(() => {
      const selected = this.state.selected.value;
      untracked(() => selected !== undefined && this.#opened(selected));
    });
  }

  /** Makes a request of the chat. Without a connection it rejects at once: what waits is the outbox's. */
  readonly ask: Ask = <Name extends keyof Requests>(name: Name, input: Requests[Name]["input"]) =>
    this.#client.state === "open"
      ? this.#client.request<Requests[Name]["reply"]>(name, input)
      : Promise.reject(
          new TidingsError("unavailable", "There is no connection now. Try again when you are online."),
        );

  /** Makes a request for the user, who is told when it fails. @returns undefined then */
  async act<Name extends keyof Requests>(
    name: Name,
    input: Requests[Name]["input"],
  ): Promise<Requests[Name]["reply"] | undefined> {
    try {
      const reply = await this.ask(name, input);
      for (const list of changedBy(name)) this.#lists.refresh(list);
      return reply;
    } catch (error) {
      this.state.news.tell("bad", messageOf(error));
      return undefined;
    }
  }

  send(conversation: Conversation, data: Written): void {
    this.#typingSentAt = 0;
    conversation.newFrom.value = undefined;
    this.outbox.add(conversation.group, data);
  }

  /** Tells the others that the user is typing. */
  typing({ group }: Conversation): void {
    const now = Date.now();
    if (now - this.#typingSentAt < TYPING_INTERVAL_MS) return;
    this.#typingSentAt = now;
    this.ask("chat.typing", { group }).catch(() => undefined); // without a connection nobody is told
  }

  loadEarlier(conversation: Conversation): void {
    this.#history.load(conversation).catch((error: unknown) => this.#tell(error));
  }

  /** The page is visible again. */
  seen(): void {
    const selected = this.state.selected.peek();
    if (selected !== undefined && this.state.isOnline.peek()) this.#markRead(selected);
  }

  /** Ends the wait for the next attempt to connect. */
  reconnect(): void {
    if (this.#client.state !== "closed") this.#client.connect();
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#stopFollowing();
    this.#reachability.stop();
    this.#history.close();
    this.#lists.close();
    this.#typing.close();
    this.people.close();
    this.outbox.close();
    this.state.news.stop();
    void this.#client.close();
  }

  #makeOutbox(): Outbox {
    const { user } = this.#options;
    return new LocalOutbox(user, {
      send: ({ group, data, key }) => {
        const conversation = this.state.conversations.peek().get(group);
        // What was written offline says nothing of the messages that have come since.
        const read = conversation !== undefined && this.#isSeen(conversation);
        return this.ask("chat.send", { group, ...data, key, read });
      },
      sent: ({ group, data }, { id, offset, timestamp }) => {
        const conversation = this.state.conversations.peek().get(group);
        if (conversation === undefined) return;
        const entry = {
          id,
          offset,
          from: user,
          timestamp,
          content: readContent("chat", data),
          isEdited: false,
        };
        // A repeated message may have been edited since: then the newer one is there.
        if (!conversation.entries.peek().some((each) => each.offset === offset)) conversation.add([entry]);
      },
      newest: (group) => this.state.conversations.peek().get(group)?.newest ?? 0,
      isOnline: () => this.#client.state === "open",
    });
  }

  #received(push: Push): void {
    const isMissed = push.type === "chat" && isChatGroup(push.group) && push.from !== this.#options.user;
    if (this.#caughtUp !== undefined && isMissed) this.#caughtUp++;
    batch(() => this.#inbox.receive(push));
  }

  #isSeen(conversation: Conversation): boolean {
    return this.state.selected.peek() === conversation && this.#options.isVisible();
  }

  /** Shows a conversation that the user has opened. */
  #opened(conversation: Conversation): void {
    const unread = conversation.unread.peek();
    const others = conversation.entries.peek().filter(({ from }) => from !== this.state.user);
    conversation.newFrom.value = unread > 0 ? others.at(-unread)?.offset : undefined;
    if (this.#client.state !== "open") return;
    if (["unknown", "failed"].includes(conversation.loaded.peek()))
      void this.#loadFirst(conversation, unread);
    if (this.#options.isVisible()) this.#markRead(conversation);
  }

  async #loadFirst(conversation: Conversation, unread: number): Promise<void> {
    try {
      await this.#history.load(conversation);
      const others = conversation.entries.peek().filter(({ from }) => from !== this.state.user);
      if (unread > 0) conversation.newFrom.value = (others.at(-unread) ?? others[0])?.offset;
    } catch (error) {
      this.#tell(error);
    }
  }

  #markRead(conversation: Conversation): void {
    conversation.unread.value = 0;
    this.#history.seen(conversation);
  }

  /** The user is no member of the group any more. */
  #ended(group: string): void {
    if (this.state.address.peek().group === group) this.#options.left();
    this.state.drop(group);
    this.#lists.refresh("groups");
  }

  #follow(status: Status): void {
    const { connection, news } = this.state;
    switch (status.type) {
      case "connecting":
        connection.value = { state: "connecting", isFirst: this.#connections === 0 && status.attempt === 1 };
        break;
      case "open":
        this.#reachability.proven();
        connection.value = { state: "online" };
        void this.#online(++this.#connections);
        break;
      case "closed":
        this.#closed(status);
        break;
      case "lost":
        this.#lost(targetOf(status.channel).group);
        break;
      case "notice":
        // The close that follows has its words.
        if (!["kicked", "blocked", "replaced"].includes(status.code)) news.tell("busy", status.message);
        break;
      case "error":
        if (status.stage !== "token") this.#tell(status.error);
    }
  }

  /** The client writes requests after all missed messages have arrived, so the replies come after them. */
  async #online(connection: number): Promise<void> {
    clearTimeout(this.#retry);
    try {
      // Before the outbox: it notes how far a conversation was when it sends into it.
      await this.#lists.all().finally(() => this.outbox.flush());
      this.#tellCaughtUp(connection);
      await this.people.opened();
      const selected = this.state.selected.peek();
      if (selected !== undefined) this.#opened(selected);
    } catch (error) {
      this.#tell(error);
      const isCurrent = (): boolean => connection === this.#connections && this.#client.state === "open";
      if (isCurrent()) this.#retry = setTimeout(() => isCurrent() && void this.#online(connection), RETRY_MS);
    }
  }

  #tellCaughtUp(connection: number): void {
    const missed = this.#caughtUp;
    this.#caughtUp = undefined;
    if (connection === 1 || missed === undefined) return; // the first time, or told already
    const text = missed > 0 ? `Caught up: ${countOf(missed, "message")}.` : "Back online.";
    this.state.news.tell("good", text);
  }

  #closed({ code, reason, willRetry, delayMs = 0, error }: Extract<Status, { type: "closed" }>): void {
    if (this.state.connection.peek().state === "online") this.#caughtUp = 0;
    const { session, user } = this.#options;
    if (REFUSED.includes(code)) session.refuse();
    if (willRetry) {
      this.state.connection.value = { state: "waiting", retryAt: Date.now() + delayMs };
      return;
    }
    // Somebody may have logged out meanwhile, or another user may have logged in.
    const isOver = error?.code === "unauthorized" && session.user.peek() === user;
    if (isOver) session.end("Your session is over. Log in again.");
    this.state.connection.value = { state: "ended", code, reason };
  }

  #lost(group: string | undefined): void {
    if (!isChatGroup(group)) return;
    const conversation = this.state.conversation(group);
    conversation.reset();
    this.#lists.refresh("groups");
    conversation.mark("Some messages before this are no longer kept");
    if (this.state.selected.peek() === conversation) this.loadEarlier(conversation);
  }

  /** An open connection has to answer within 5 s, or it counts as lost. */
  async #demandProof(): Promise<void> {
    if (this.#client.state !== "open") return;
    this.#client.connect();
    await this.#client.request("robot.ping").then(
      () => this.#reachability.proven(),
      () => undefined,
    );
  }

  /** Tells of a failure. The state of the connection shows a lost one. */
  #tell(error: unknown): void {
    const isBroken = error instanceof TidingsError && error.code === "unavailable";
    if (!isBroken && this.state.isOnline.peek()) this.state.news.tell("bad", messageOf(error));
  }
}

/** Lists that a request changes. The server tells the user's other connections only. */
function changedBy(name: keyof Requests): readonly ("groups" | "friends" | "profile" | "invitations")[] {
  switch (name) {
    case "chat.create":
    case "chat.gather":
    case "chat.open":
    case "chat.leave":
    case "chat.edit":
    case "chat.deleteGroup":
    case "chat.remove":
    case "chat.role":
      return ["groups"];
    case "chat.join":
    case "chat.decline":
      return ["groups", "invitations"];
    case "chat.befriend":
    case "chat.unfriend":
    case "chat.block":
    case "chat.unblock":
      return ["friends"];
    case "chat.update":
      return ["profile"];
    default:
      return [];
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
