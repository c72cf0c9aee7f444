import type { VNode } from "preact";
import { targetOf } from "../../../../src/protocol/protocol.ts";
import { Avatar, Icon, IconAvatar } from "../../../shared/shared.ts";
import { writeAddress } from "../../model/address.ts";
import type { Conversation } from "../../model/conversation.ts";
import { Notices } from "../connection/Notices.tsx";
import { useChat } from "../context.ts";
import { presenceText } from "../list/ConversationList.tsx";
import { Members } from "../members/Members.tsx";
import { nameOf } from "../names.ts";
import { Composer } from "./Composer.tsx";
import { MessageList } from "./MessageList.tsx";

export function ConversationView({ conversation }: { conversation: Conversation }): VNode {
  const { page } = useChat();
  const { id } = conversation;
  return (
    <>
      <Header conversation={conversation} />
      <Notices />
      <div class="middle">
        <div class="talk">
          <MessageList conversation={conversation} />
          <TypingLine users={conversation.typing.value} />
        </div>
        {page.showsMembers.value && id.startsWith("group:") && <Members conversation={conversation} />}
      </div>
      {id === "application" ? (
        <p class="read-only">The application sent these messages through its API. You cannot reply.</p>
      ) : (
        <Composer channel={id} />
      )}
    </>
  );
}

function Header({ conversation }: { conversation: Conversation }): VNode {
  const { id } = conversation;
  const members = conversation.members.value;
  const { page, state } = useChat();
  const { title, user, icon } = nameOf(id);
  const group = id === "application" ? undefined : targetOf(id).group;
  const platforms = user === undefined ? undefined : state.online.value.get(user);
  return (
    <header class="conversation-header">
      <a class="back" href={writeAddress({ user: state.user })} aria-label="All conversations">
        <Icon name="back" />
      </a>
      {user === undefined ? (
        <IconAvatar icon={icon ?? "server"} />
      ) : (
        <Avatar name={user} isOnline={platforms !== undefined} />
      )}
      <div class="names">
        <h2 class="name" dir="auto" title={title}>
          {title}
        </h2>
        <span class="muted">{user === undefined ? ABOUT[icon ?? "server"] : presenceText(platforms)}</span>
      </div>
      {group !== undefined && (
        <>
          <button
            type="button"
            class="compact"
            aria-expanded={page.showsMembers.value}
            onClick={() => page.toggleMembers()}
          >
            <Icon name="members" />
            <span class="label">Members</span>
            {members !== undefined && <span class="number">{members.online}</span>}
          </button>
          <button type="button" onClick={() => page.leave(group)}>
            Leave
          </button>
        </>
      )}
      <button type="button" class="round only-narrow" aria-label="Frames" onClick={() => page.toggleFrames()}>
        <Icon name="frames" />
      </button>
    </header>
  );
}

const ABOUT: Record<string, string> = {
  everyone: "everyone who is connected",
  group: "group",
  server: "messages to you without a sender",
};

/** Names that fit the line. */
const SHOWN_TYPING = 3;

function TypingLine({ users }: { users: readonly string[] }): VNode {
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
            {users.slice(0, SHOWN_TYPING).join(", ")}
          </span>
          {users.length > SHOWN_TYPING && <span>and others</span>}
          <span>{users.length === 1 ? "is typing" : "are typing"}</span>
        </>
      )}
    </p>
  );
}
