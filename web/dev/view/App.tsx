import { useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { useMedia } from "../../shared/shared.ts";
import type { Chat } from "../model/chat.ts";
import type { Page } from "../model/page.ts";
import { SurroundingsProvider } from "./context.ts";
import { ConversationView } from "./conversation/ConversationView.tsx";
import { Nothing } from "./conversation/Nothing.tsx";
import { FramesPanel } from "./frames/FramesPanel.tsx";
import { Sidebar } from "./Sidebar.tsx";
import { Welcome } from "./user/Welcome.tsx";

export function App({ page }: { page: Page }): VNode {
  useSignalEffect(() => {
    const unread = page.chat.value?.state.unread.value ?? 0;
    const user = page.address.value.user;
    const connection = page.chat.value?.state.connection.value;
    const isFirst = connection?.state === "connecting" && connection.isFirst;
    const isOffline = page.chat.value?.state.isOnline.value === false && !isFirst;
    const parts = [isOffline && "Offline", user, "Tidings"].filter((part) => part);
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${parts.join(" · ")}`;
  });
  const chat = page.chat.value;
  return chat === undefined ? <Welcome page={page} /> : <ChatView page={page} chat={chat} />;
}

/** Shows the list and one conversation, or only one of them on a narrow screen. */
function ChatView({ page, chat }: { page: Page; chat: Chat }): VNode {
  const { state } = chat;
  const surroundings = useMemo(() => ({ page, chat, state: chat.state }), [page, chat]);
  const showsFrames = page.showsFrames.value;
  const isNarrow = useMedia("(max-width: 720px)");
  const id = state.selected.value;
  const conversation = id && state.conversations.value.get(id);
  return (
    <SurroundingsProvider value={surroundings}>
      <div class={`screen ${showsFrames ? "shows-frames" : ""}`}>
        <div
          class={`chat ${conversation === undefined ? "shows-list" : "shows-conversation"}`}
          // On a narrow screen the panel covers the rest.
          inert={showsFrames && isNarrow}
        >
          <Sidebar />
          <main class="pane">
            {conversation === undefined ? (
              <Nothing />
            ) : (
              <ConversationView key={conversation.id} conversation={conversation} />
            )}
          </main>
        </div>
        {showsFrames && <FramesPanel isNarrow={isNarrow} />}
      </div>
    </SurroundingsProvider>
  );
}
