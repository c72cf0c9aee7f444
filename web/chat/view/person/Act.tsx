import type { VNode } from "preact";
import type { Person } from "../../model/wire.ts";
import { useChat } from "../context.ts";

interface Props {
  readonly name: "chat.befriend" | "chat.unfriend" | "chat.unblock" | "chat.block";
  readonly person: Person;
  readonly text: string;
  /** @default a plain button */
  readonly tone?: "primary" | "danger";
}

/** A button for one user. Screen readers say for which. */
export function Act({ name, person: { user, name: shown }, text, tone }: Props): VNode {
  const { chat } = useChat();
  return (
    <button
      type="button"
      aria-label={`${text}: ${shown}`}
      class={`small ${tone ?? ""}`}
      onClick={() => void chat.act(name, { user })}
    >
      {text}
    </button>
  );
}

/** A button that asks a user to be a friend. None for somebody who is one, was asked, has asked, or is blocked. */
export function AddFriend({ person }: { person: Person }): VNode | null {
  const { state } = useChat();
  const { friends, sent, received, blocked } = state.friends.value;
  const isKnown = [...friends, ...sent, ...received, ...blocked].some(({ user }) => user === person.user);
  return isKnown || person.user === state.user ? null : (
    <Act name="chat.befriend" person={person} text="Add friend" />
  );
}
