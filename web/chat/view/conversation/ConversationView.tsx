import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { countOf, Icon, IconAvatar } from "../../../shared/shared.ts";
import type { Conversation } from "../../model/conversation.ts";
import { OfflineBanner } from "../connection/OfflineBanner.tsx";
import { useChat } from "../context.ts";
import { Details } from "../group/Details.tsx";
import { useTitle } from "../person/names.ts";
import { Portrait } from "../person/Portrait.tsx";
import { Composer } from "./Composer.tsx";
import { MessageList } from "./MessageList.tsx";
import { TypingLine } from "./TypingLine.tsx";

export function ConversationView({ conversation }: { conversation: Conversation }): VNode {
  const [showsDetails, setShowsDetails] = useState(false);
  const toggle = (): void => setShowsDetails(!showsDetails);
  return (
    <>
      <Header conversation={conversation} showsDetails={showsDetails} onDetails={toggle} />
      <OfflineBanner />
      <div class="middle">
        <div class="talk">
          <MessageList conversation={conversation} />
          <TypingLine conversation={conversation} />
          <Composer conversation={conversation} />
        </div>
        {showsDetails && <Details conversation={conversation} onClose={toggle} />}
      </div>
    </>
  );
}

interface HeaderProps {
  readonly conversation: Conversation;
  readonly showsDetails: boolean;
  readonly onDetails: () => void;
}

function Header({ conversation, showsDetails, onDetails }: HeaderProps): VNode {
  const { page, state } = useChat();
  const { title, person } = useTitle(conversation);
  const isOnline = person && state.isPresent(person.user);
  const members = conversation.info.value?.members;
  return (
    <header class="conversation-header">
      <button type="button" class="quiet back" aria-label="All conversations" onClick={() => page.back()}>
        <Icon name="back" />
      </button>
      {person === undefined ? <IconAvatar icon="group" /> : <Portrait person={person} isOnline={isOnline} />}
      <div class="names">
        <h2 class="name" dir="auto" title={title}>
          {title}
        </h2>
        <span class="muted">
          {person === undefined
            ? members !== undefined && countOf(members, "member")
            : isOnline !== undefined && (isOnline ? "online" : "offline")}
        </span>
      </div>
      <button type="button" aria-expanded={showsDetails} onClick={onDetails}>
        <Icon name={person === undefined ? "members" : "info"} />
        <span class="label">Details</span>
      </button>
    </header>
  );
}
