import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Icon, IconAvatar } from "../../../shared/shared.ts";
import type { Conversation, MessageEntry } from "../../model/conversation.ts";
import { useChat } from "../context.ts";
import { Portrait } from "../person/Portrait.tsx";
import { ContentView } from "./ContentView.tsx";
import { DeleteMessage } from "./DeleteMessage.tsx";
import { EditForm } from "./EditForm.tsx";

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const FULL_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

interface Props {
  readonly conversation: Conversation;
  readonly message: MessageEntry;
  /** True when it follows a message of this sender, so that the name is not repeated. */
  readonly isContinued: boolean;
}

export function MessageItem({ conversation, message, isContinued }: Props): VNode {
  const { chat, state } = useChat();
  const [isEditing, setEditing] = useState(false);
  const { from, timestamp, content, isEdited } = message;
  const isOwn = from === state.user;
  const person = from === undefined ? undefined : chat.people.person(from);
  const sender = isOwn ? "You" : (person?.name ?? "The application");
  return (
    <article class={`message ${isOwn ? "own" : "other"} ${isContinued ? "continued" : ""}`}>
      {!isOwn && (person === undefined ? <IconAvatar icon="server" /> : <Portrait person={person} />)}
      <div class="body">
        <h3 class={isOwn || isContinued ? "unseen" : "sender"} dir="auto" title={from}>
          {sender}
        </h3>
        {isEditing ? (
          <EditForm conversation={conversation} message={message} onDone={() => setEditing(false)} />
        ) : (
          <ContentView content={content} sender={sender} />
        )}
        <footer>
          <time dateTime={new Date(timestamp).toISOString()} title={FULL_TIME.format(timestamp)}>
            {TIME.format(timestamp)}
          </time>
          {isEdited && <span>edited</span>}
          {!isEditing && (
            <Actions conversation={conversation} message={message} onEdit={() => setEditing(true)} />
          )}
        </footer>
      </div>
    </article>
  );
}

interface ActionsProps {
  readonly conversation: Conversation;
  readonly message: MessageEntry;
  readonly onEdit: () => void;
}

/** What the user may do with a message: its author edits and deletes it, who manages the group deletes it. */
function Actions({ conversation, message, onEdit }: ActionsProps): VNode | null {
  const { state } = useChat();
  const [isOpen, setOpen] = useState(false);
  const [deletes, setDeletes] = useState(false);
  const { from, content } = message;
  const isOwn = from === state.user;
  const info = conversation.info.value;
  const manages = info?.kind === "group" && info.role !== "member";
  if (content.kind !== "written" || (!isOwn && !manages)) return null;
  const edit = (): void => {
    setOpen(false);
    onEdit();
  };
  return (
    <>
      <button
        type="button"
        class="quiet more"
        aria-label="Actions for this message"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="more" />
      </button>
      {isOpen && (
        <>
          {isOwn && content.cut === undefined && (
            <button type="button" class="small" disabled={!state.isOnline.value} onClick={edit}>
              Edit
            </button>
          )}
          <button
            type="button"
            class="small"
            disabled={!state.isOnline.value}
            onClick={() => setDeletes(true)}
          >
            Delete
          </button>
        </>
      )}
      {deletes && (
        <DeleteMessage conversation={conversation} message={message} onClose={() => setDeletes(false)} />
      )}
    </>
  );
}
