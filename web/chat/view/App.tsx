import { useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import type { Chat } from "../model/chat.ts";
import type { Page } from "../model/page.ts";
import { Ended } from "./account/Ended.tsx";
import { LoginPage } from "./account/LoginPage.tsx";
import { News } from "./connection/News.tsx";
import { SurroundingsProvider } from "./context.ts";
import { ConversationView } from "./conversation/ConversationView.tsx";
import { Nothing } from "./conversation/Nothing.tsx";
import { Sidebar } from "./list/Sidebar.tsx";

export function App({ page }: { page: Page }): VNode {
  useSignalEffect(() => {
    const state = page.chat.value?.state;
    const unread = state?.unread.value ?? 0;
    const connection = state?.connection.value;
    const isFirst = connection?.state === "connecting" && connection.isFirst;
    const isOffline = state?.isOnline.value === false && !isFirst;
    const parts = [isOffline && "Offline", state?.me.value.name, "Chat · Tidings"].filter((part) => part);
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${parts.join(" · ")}`;
  });
  const chat = page.chat.value;
  if (chat === undefined) return <LoginPage session={page.session} />;
  const connection = chat.state.connection.value;
  if (connection.state === "ended")
    return <Ended page={page} code={connection.code} reason={connection.reason} />;
  return <ChatView key={chat.state.user} page={page} chat={chat} />;
}

/** Shows the list and one conversation, or only one of them on a narrow screen. */
function ChatView({ page, chat }: { page: Page; chat: Chat }): VNode {
  const { state } = chat;
  const surroundings = useMemo(() => ({ page, chat, state: chat.state }), [page, chat]);
  const conversation = state.selected.value;
  const isOpen = state.address.value.group !== undefined;
  return (
    <SurroundingsProvider value={surroundings}>
      <main class={`chat ${isOpen ? "shows-conversation" : "shows-list"}`}>
        <h1 class="unseen">Chat</h1>
        <Sidebar />
        <section class="pane" aria-label="Conversation">
          {conversation === undefined ? (
            <Nothing />
          ) : (
            <ConversationView key={conversation.group} conversation={conversation} />
          )}
        </section>
      </main>
      <News />
    </SurroundingsProvider>
  );
}
