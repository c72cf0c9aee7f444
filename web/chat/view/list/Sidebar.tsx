import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Logo, pageAddress, SchemeSwitch, Tabs } from "../../../shared/shared.ts";
import { Settings } from "../account/Settings.tsx";
import { OfflineBanner } from "../connection/OfflineBanner.tsx";
import { useChat } from "../context.ts";
import { Portrait } from "../person/Portrait.tsx";
import { ConversationList } from "./ConversationList.tsx";
import { People } from "./People.tsx";

/** The user, and the lists of conversations and people. */
export function Sidebar(): VNode {
  const { page, state } = useChat();
  const [showsSettings, setShowsSettings] = useState(false);
  const { tab } = state.address.value;
  const requests = state.friends.value.received.length;
  const titles = { chats: "Chats", people: requests > 0 ? `People (${requests})` : "People" };
  const me = state.me.value;
  return (
    <section class="sidebar" aria-label="Conversations and people">
      <header class="brand">
        <a class="home" href={pageAddress("start")} aria-label="Start page of Tidings">
          <Logo />
        </a>
        <p class="title" aria-hidden="true">
          Chat
        </p>
        <SchemeSwitch />
        <button
          type="button"
          class="me"
          aria-label={`Your account: ${me.name}`}
          title="Your account"
          onClick={() => setShowsSettings(true)}
        >
          <Portrait person={me} isOnline={state.isOnline.value} />
        </button>
      </header>
      <OfflineBanner />
      <Tabs label="Lists" titles={titles} selected={tab} onSelect={(name) => page.show(name)} />
      <div class="panel-scroll" role="tabpanel" id={`panel-${tab}`} aria-labelledby={`tab-${tab}`}>
        {tab === "chats" ? <ConversationList /> : <People />}
      </div>
      {showsSettings && <Settings onClose={() => setShowsSettings(false)} />}
    </section>
  );
}
