import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Icon, IconAvatar } from "../../../shared/shared.ts";
import { previewOf } from "../../model/content.ts";
import type { Conversation } from "../../model/conversation.ts";
import { useChat } from "../context.ts";
import { useTitle } from "../person/names.ts";
import { Portrait } from "../person/Portrait.tsx";
import { Invitations } from "./Invitations.tsx";
import { NewGroup } from "./NewGroup.tsx";
import { shortTime } from "./short-time.ts";

/** Lists invitations, groups and conversations. */
export function ConversationList(): VNode {
  const { page, state } = useChat();
  const [makesGroup, setMakesGroup] = useState(false);
  const conversations = state.listed.value;
  return (
    <>
      <Invitations />
      <div class="heading">
        <h2>Conversations</h2>
        <button type="button" class="small" onClick={() => setMakesGroup(true)}>
          <Icon name="plus" />
          New group
        </button>
      </div>
      <nav aria-label="Conversations">
        <ul class="list">
          {conversations.map((conversation) => (
            <Item key={conversation.group} conversation={conversation} />
          ))}
        </ul>
      </nav>
      {state.isListed.value && conversations.length === 0 && (
        <div class="empty">
          <p>No conversations yet.</p>
          <button type="button" class="primary" onClick={() => page.show("people")}>
            Find people
          </button>
        </div>
      )}
      {makesGroup && <NewGroup onClose={() => setMakesGroup(false)} />}
    </>
  );
}

function Item({ conversation }: { conversation: Conversation }): VNode {
  const { page, state } = useChat();
  const { title, person } = useTitle(conversation);
  const unread = conversation.unread.value;
  const last = conversation.last.value;
  return (
    <li>
      <a
        class={`item ${unread > 0 ? "has-unread" : ""}`}
        href={page.linkTo(conversation.group)}
        aria-current={state.selected.value === conversation ? "page" : undefined}
      >
        {person === undefined ? (
          <IconAvatar icon="group" />
        ) : (
          <Portrait person={person} isOnline={state.isPresent(person.user)} />
        )}
        <span class="names">
          <span class="name" dir="auto" title={title}>
            {title}
          </span>
          <Preview conversation={conversation} />
        </span>
        <span class="aside">
          <time class="muted">{last && shortTime(last.timestamp)}</time>
          {unread > 0 && (
            <span class="unread">
              {unread > 999 ? "999+" : unread}
              <span class="unseen"> unread</span>
            </span>
          )}
        </span>
      </a>
    </li>
  );
}

function Preview({ conversation }: { conversation: Conversation }): VNode {
  const { chat, state } = useChat();
  const typing = conversation.typing.value.length > 0;
  const last = conversation.last.value;
  if (typing) return <span class="preview is-typing">typing …</span>;
  if (last === undefined) return <span class="preview">No messages yet</span>;
  const isOwn = last.from === state.user;
  const isGroup = conversation.info.value?.kind === "group";
  const sender = isOwn
    ? "You"
    : isGroup && last.from !== undefined
      ? chat.people.person(last.from).name
      : undefined;
  return (
    <span class="preview" dir="auto">
      {sender !== undefined && `${sender}: `}
      {previewOf(last.content)}
    </span>
  );
}
