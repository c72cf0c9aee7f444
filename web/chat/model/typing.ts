import type { Conversation } from "./conversation.ts";

/** A user counts as typing for this time after each event, which clients send every 2 s. */
const TYPING_MS = 4_000;

/** Users per conversation. More would not fit the line that shows them. */
const MAX_TYPING = 20;

/** Maintains the users who are typing, by conversation. */
export class Typing {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  heard(conversation: Conversation, user: string): void {
    const others = conversation.typing.peek().filter((each) => each !== user);
    if (others.length >= MAX_TYPING) return;
    conversation.typing.value = [...others, user];
    const name = timerOf(conversation, user);
    clearTimeout(this.#timers.get(name));
    this.#timers.set(
      name,
      setTimeout(() => this.stopped(conversation, user), TYPING_MS),
    );
  }

  /** Ends the user's typing, because a message arrived or the time is over. */
  stopped(conversation: Conversation, user: string): void {
    const name = timerOf(conversation, user);
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    const others = conversation.typing.peek().filter((each) => each !== user);
    if (others.length < conversation.typing.peek().length) conversation.typing.value = others;
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}

const timerOf = ({ group }: Conversation, user: string): string => JSON.stringify([group, user]);
