import { useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import type { Chat } from "../model/chat.ts";
import type { Page } from "../model/page.ts";
import { SurroundingsProvider } from "./context.ts";
import { ConversationView } from "./conversation/ConversationView.tsx";
import { Nothing } from "./conversation/Nothing.tsx";
import { Sidebar } from "./Sidebar.tsx";
import { Welcome } from "./user/Welcome.tsx";

export function App({ page }: { page: Page }): VNode {
  useSignalEffect(() => {
    const unread = page.chat.value?.state.unread.value ?? 0;
    const user = page.address.value.user;
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${user === undefined ? "" : `${user} · `}Tidings`;
  });
  const chat = page.chat.value;
  return chat === undefined ? <Welcome page={page} /> : <ChatView page={page} chat={chat} />;
}

/** Shows the list and one conversation, or only one of them on a narrow screen. */
function ChatView({ page, chat }: { page: Page; chat: Chat }): VNode {
  const { state } = chat;
  const surroundings = useMemo(() => ({ page, chat, state: chat.state }), [page, chat]);
  const id = state.selected.value;
  const conversation = id && state.conversations.value.get(id);
  return (
    <SurroundingsProvider value={surroundings}>
      <div class={`chat ${conversation === undefined ? "shows-list" : "shows-conversation"}`}>
        <Sidebar />
        <main class="pane">
          {conversation === undefined ? (
            <Nothing />
          ) : (
            <ConversationView key={conversation.id} conversation={conversation} />
          )}
        </main>
      </div>
    </SurroundingsProvider>
  );
}
