import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "../../../shared/shared.ts";
import type { Media } from "../../model/content.ts";
import type { Conversation } from "../../model/conversation.ts";
import { useChat } from "../context.ts";
import { useTitle } from "../person/names.ts";
import { AttachForm } from "./AttachForm.tsx";

/** Characters of a message, as the server takes them. */
const MAX_TEXT = 65_536;

/** Input for a message. Enter sends it, Shift+Enter starts a new line. */
export function Composer({ conversation }: { conversation: Conversation }): VNode {
  const { chat } = useChat();
  const { title } = useTitle(conversation);
  const [attaches, setAttaches] = useState(false);
  const { draft } = conversation;
  const send = (event: Event): void => {
    event.preventDefault();
    const text = draft.value.trim();
    if (text === "") return;
    chat.send(conversation, { text });
    draft.value = "";
  };
  const attach = ({ kind, url }: Media): void => {
    const text = draft.value.trim();
    chat.send(conversation, { ...(text !== "" && { text }), [kind]: url });
    draft.value = "";
    setAttaches(false);
  };
  const write = (value: string): void => {
    draft.value = value;
    if (value !== "") chat.typing(conversation);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes, Enter selects a word.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  };
  return (
    <div class="composer">
      {attaches && <AttachForm onAttach={attach} onClose={() => setAttaches(false)} />}
      <form class="row" onSubmit={send}>
        <button
          type="button"
          class="round"
          aria-label="Send a picture, a voice message or a video"
          title="Send a picture, a voice message or a video"
          aria-expanded={attaches}
          onClick={() => setAttaches(!attaches)}
        >
          <Icon name="picture" />
        </button>
        <textarea
          rows={1}
          maxLength={MAX_TEXT}
          aria-label={`Message to ${title}`}
          placeholder="Write a message"
          dir="auto"
          value={draft.value}
          onInput={({ currentTarget }) => write(currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        <button type="submit" class="round primary" aria-label="Send" disabled={draft.value.trim() === ""}>
          <Icon name="send" />
        </button>
      </form>
    </div>
  );
}
