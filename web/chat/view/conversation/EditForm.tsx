import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Conversation, MessageEntry } from "../../model/conversation.ts";
import { useChat } from "../context.ts";

interface Props {
  readonly conversation: Conversation;
  readonly message: MessageEntry;
  readonly onDone: () => void;
}

/** Replaces the text of an own message. A picture, a voice message or a video stays. */
export function EditForm({ conversation: { group }, message, onDone }: Props): VNode {
  const { chat } = useChat();
  const { id, offset, content } = message;
  const { text = "", media } = content.kind === "written" ? content : {};
  const [value, setValue] = useState(text);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const isEmpty = value.trim() === "" && media === undefined;
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isEmpty) return;
    const written = {
      ...(value.trim() !== "" && { text: value.trim() }),
      ...(media && { [media.kind]: media.url }),
    };
    if ((await chat.act("chat.editMessage", { group, id, offset, ...written })) !== undefined) onDone();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") onDone();
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) void save(event);
  };
  return (
    <form class="edit" onSubmit={(event) => void save(event)}>
      <textarea
        aria-label="New text of the message"
        ref={field}
        dir="auto"
        value={value}
        onInput={({ currentTarget }) => setValue(currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="row">
        <button type="submit" class="small primary" disabled={isEmpty}>
          Save
        </button>
        <button type="button" class="small" onClick={onDone}>
          Cancel
        </button>
      </div>
    </form>
  );
}
