import { type Signal, signal } from "@preact/signals";
import { type Address, type ConversationId, readAddress, writeAddress } from "./address.ts";
import { Chat } from "./chat.ts";

/** The page in a browser tab. Its address selects the user and the conversation. */
export class Page {
  readonly address: Signal<Address> = signal(readAddress(location.hash));
  /** Undefined until a user is chosen. */
  readonly chat: Signal<Chat | undefined> = signal(undefined);
  readonly #url: string;

  /** @param url URL of the WebSocket */
  constructor(url: string) {
    this.#url = url;
    addEventListener("hashchange", () => this.#moved());
    document.addEventListener("visibilitychange", () => isVisible() && this.chat.peek()?.seen());
    this.connect();
  }

  /** Starts a new chat as the user of the address. */
  connect(): void {
    void this.chat.peek()?.close();
    const { user } = this.address.peek();
    this.chat.value =
      user === undefined ? undefined : new Chat({ user, url: this.#url, address: this.address, isVisible });
  }

  beUser(user: string): void {
    location.hash = writeAddress({ user });
  }

  open(conversation: ConversationId): void {
    location.hash = this.linkTo(conversation);
  }

  /** Closes the conversation. On a narrow screen the list is visible then. */
  back(): void {
    location.hash = writeAddress({ user: this.address.peek().user });
  }

  linkTo(conversation: ConversationId): string {
    return writeAddress({ user: this.address.value.user, conversation });
  }

  async leave(group: string): Promise<void> {
    const isShown = this.address.peek().conversation === `group:${group}`;
    // Changed before the event, because the group's address would join the group again.
    if (isShown) this.address.value = { user: this.address.peek().user };
    if (isShown) this.back();
    await this.chat.peek()?.leave(group);
  }

  #moved(): void {
    const before = this.address.peek().user;
    this.address.value = readAddress(location.hash);
    if (this.address.peek().user !== before) this.connect();
  }
}

const isVisible = (): boolean => document.visibilityState === "visible";
