import type { Conversation } from "./conversation.ts";

/** Someone who writes says so about every 2 s; after this long without a word about it they have stopped. */
const LASTS_MS = 4_000;

/** Keeps who is writing where. */
export class Typing {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  heard(conversation: Conversation, user: string): void {
    const others = conversation.typing.value.filter((each) => each !== user);
    conversation.typing.value = [...others, user];
    this.#schedule(conversation, user);
  }

  /** A message of theirs came. */
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
      setTimeout(() => this.stopped(conversation, user), LASTS_MS),
    );
  }
}

/** Ids have no control characters, so no two pairs have one name. */
const timerName = ({ id }: Conversation, user: string): string => `${id}\0${user}`;
