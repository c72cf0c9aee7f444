import { type Signal, signal } from "@preact/signals";
import { type Address, type ConversationId, readAddress, writeAddress } from "./address.ts";
import { Chat } from "./chat.ts";

/** The page in a browser tab. Its address selects the user and the conversation. */
export class Page {
  readonly address: Signal<Address> = signal(readAddress(location.hash));
  /** Undefined until a user is chosen. */
  readonly chat: Signal<Chat | undefined> = signal(undefined);
  /** True while the Frames panel is open. A reload keeps it. */
  readonly showsFrames: Signal<boolean> = signal(recall("frames") === "true");
  /** True while the members of a group are shown. */
  readonly showsMembers: Signal<boolean> = signal(matchMedia("(min-width: 1000px)").matches);
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

  toggleFrames(): void {
    this.showsFrames.value = !this.showsFrames.peek();
    remember("frames", String(this.showsFrames.peek()));
  }

  toggleMembers(): void {
    this.showsMembers.value = !this.showsMembers.peek();
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

/** Settings of this tab. A browser may refuse its storage. */
function recall(name: string): string | null {
  try {
    return sessionStorage.getItem(`tidings.dev.${name}`);
  } catch {
    return null;
  }
}

function remember(name: string, value: string): void {
  try {
    sessionStorage.setItem(`tidings.dev.${name}`, value);
  } catch {
    // It is forgotten at the next reload.
  }
}
