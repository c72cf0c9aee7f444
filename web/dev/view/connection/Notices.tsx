import type { VNode } from "preact";
import { Icon, type NewsItem } from "../../../shared/shared.ts";
import { useChat } from "../context.ts";
import { ConnectionText } from "./ConnectionText.tsx";

/** Notices that are visible everywhere: reconnects, losses and failures. */
export function Notices(): VNode {
  const { state } = useChat();
  return (
    <div class="notices" role="status">
      <ConnectionNotice />
      {state.news.notices.value.map((notice) => (
        <NewsNotice key={notice.text} notice={notice} />
      ))}
    </div>
  );
}

function ConnectionNotice(): VNode | null {
  const { page, chat, state } = useChat();
  const connection = state.connection.value;
  const isFirst = connection.state === "connecting" && connection.isFirst && state.hasNetwork.value;
  if (state.isOnline.value || isFirst) return null;
  return (
    <p class={`notice ${connection.state === "ended" ? "bad" : "busy"}`}>
      <ConnectionText connection={connection} hasNetwork={state.hasNetwork.value} />
      <span class="grow" />
      {connection.state === "ended" && (
        <button type="button" onClick={() => page.connect()}>
          Connect again
        </button>
      )}
      {!chat.network.isUp.value && (
        <button type="button" onClick={() => chat.network.restore()}>
          Go online
        </button>
      )}
    </p>
  );
}

function NewsNotice({ notice }: { notice: NewsItem }): VNode {
  const { state } = useChat();
  return (
    <p class={`notice ${notice.tone}`}>
      <Icon name={notice.tone === "good" ? "check" : "failed"} />
      <span class="grow">{notice.text}</span>
      <button type="button" class="quiet" aria-label="Dismiss" onClick={() => state.news.dismiss(notice)}>
        <Icon name="close" />
      </button>
    </p>
  );
}
