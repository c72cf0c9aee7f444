import { effect, type Signal, signal, untracked } from "@preact/signals";
import { type Address, readAddress, writeAddress } from "./address.ts";
import { Chat } from "./chat.ts";
import { Session } from "./session/session.ts";

/** The page in a browser tab: a login, and the chat of its user. */
export class Page {
  readonly session = new Session();
  readonly address: Signal<Address> = signal(readAddress(location.hash));
  /** Undefined without a login. */
  readonly chat: Signal<Chat | undefined> = signal(undefined);

  constructor() {
    addEventListener("hashchange", () => {
      this.address.value = readAddress(location.hash);
    });
    document.addEventListener("visibilitychange", () => isVisible() && this.chat.peek()?.seen());
    effect(() => {
      const user = this.session.user.value;
      untracked(() => this.#begin(user));
    });
  }

  /** Connects again, after the server has ended the session. */
  connect(): void {
    this.#begin(this.session.user.peek());
  }

  /** Ends the login in all tabs, and forgets what the user has written. */
  logOut(): void {
    this.chat.peek()?.outbox.clear();
    this.session.logOut();
  }

  open(group: string): void {
    location.hash = this.linkTo(group);
  }

  /** Closes the conversation. On a narrow screen the list is visible then. */
  back(): void {
    location.hash = writeAddress({ tab: this.address.peek().tab });
  }

  show(tab: Address["tab"]): void {
    location.hash = writeAddress({ ...this.address.peek(), tab });
  }

  linkTo(group: string): string {
    return writeAddress({ ...this.address.value, group });
  }

  #begin(user: string | undefined): void {
    this.chat.peek()?.close();
    if (user === undefined && location.hash !== "") history.replaceState(null, "", location.pathname);
    if (user === undefined) this.address.value = readAddress("");
    const { session, address } = this;
    this.chat.value =
      user === undefined
        ? undefined
        : new Chat({ user, session, address, isVisible, left: () => this.back() });
  }
}

const isVisible = (): boolean => document.visibilityState === "visible";
