import type { VNode } from "preact";
import { Dialog } from "../../../shared/shared.ts";
import type { Conversation, MessageEntry } from "../../model/conversation.ts";
import { useChat } from "../context.ts";

interface Props {
  readonly conversation: Conversation;
  readonly message: MessageEntry;
  readonly onClose: () => void;
}

/** Asks before a message is deleted: it cannot be undone. */
export function DeleteMessage({ conversation: { group }, message: { id, offset }, onClose }: Props): VNode {
  const { chat } = useChat();
  const remove = (): void => {
    onClose();
    void chat.act("chat.deleteMessage", { group, id, offset });
  };
  return (
    <Dialog title="Delete this message?" onClose={onClose}>
      <p>It is deleted for everybody in the conversation.</p>
      <div class="row">
        <button type="button" class="danger" onClick={remove}>
          Delete for everybody
        </button>
        <button type="button" onClick={onClose}>
          Keep it
        </button>
      </div>
    </Dialog>
  );
}
