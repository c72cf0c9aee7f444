import type { VNode } from "preact";
import type { Conversation } from "../../model/conversation.ts";
import { useChat } from "../context.ts";

/** Names that fit the line. */
const SHOWN = 3;

/** Says who is typing. Its place is always there, so that nothing moves. */
export function TypingLine({ conversation }: { conversation: Conversation }): VNode {
  const { chat } = useChat();
  const users = conversation.typing.value;
  const names = users.slice(0, SHOWN).map((user) => chat.people.person(user).name);
  return (
    <p class="typing" aria-live="polite">
      {users.length > 0 && (
        <>
          <span class="pulse" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          <span class="name" dir="auto">
            {names.join(", ")}
          </span>
          {users.length > SHOWN && <span>and others</span>}
          <span>{users.length === 1 ? "is typing" : "are typing"}</span>
        </>
      )}
    </p>
  );
}
