import type { Conversation } from "../../model/conversation.ts";
import type { Person } from "../../model/wire.ts";
import { useChat } from "../context.ts";

export interface Title {
  readonly title: string;
  /** The other user of a conversation of two. */
  readonly person?: Person;
}

/** Returns what a conversation is called. */
export function useTitle({ info }: Conversation): Title {
  const { chat } = useChat();
  const known = info.value;
  if (known === undefined) return { title: "…" };
  if (known.with === undefined) return { title: known.name };
  const person = chat.people.person(known.with);
  return { title: person.name, person };
}
