import { joinNames } from "../../../../src/protocol/protocol.ts";
import type { Conversation } from "../conversation.ts";

/** A user counts as typing for this time after each message `typing`, which clients send every 2 s. */
const TYPING_MS = 4_000;

/** Users per conversation. More would not fit the line that shows them. */
const MAX_TYPING = 20;

/** Maintains the users who are typing, by conversation. */
export class Typing {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  heard(conversation: Conversation, user: string): void {
    const others = conversation.typing.value.filter((each) => each !== user);
    if (others.length >= MAX_TYPING) return;
    conversation.typing.value = [...others, user];
    this.#schedule(conversation, user);
  }

  /** Ends the user's typing, because a message arrived or the time is over. */
  stopped(conversation: Conversation, user: string): void {
    clearTimeout(this.#timers.get(timerName(conversation, user)));
    const others = conversation.typing.value.filter((each) => each !== user);
    if (others.length < conversation.typing.value.length) conversation.typing.value = others;
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #schedule(conversation: Conversation, user: string): void {
    const name = timerName(conversation, user);
    clearTimeout(this.#timers.get(name));
    this.#timers.set(
      name,
      setTimeout(() => this.stopped(conversation, user), TYPING_MS),
    );
  }
}

const timerName = ({ id }: Conversation, user: string): string => joinNames(id, user);
