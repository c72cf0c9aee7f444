import type { VNode } from "preact";
import type { Notice } from "../../model/news.ts";
import { useChat } from "../context.ts";
import { Icon } from "../Icon.tsx";
import { LinkText } from "./LinkText.tsx";

/** What should be seen wherever one is: a connection that is away, one that is back, losses and failures. */
export function Notices(): VNode {
  const { state } = useChat();
  return (
    <div class="notices" role="status">
      <LinkNotice />
      {state.news.notices.value.map((notice) => (
        <NewsNotice key={notice.text} notice={notice} />
      ))}
    </div>
  );
}

function LinkNotice(): VNode | null {
  const { page, chat, state } = useChat();
  const link = state.link.value;
  const isFirst = state.welcome.value === undefined;
  if (link.state === "online" || (isFirst && link.state === "connecting")) return null;
  return (
    <p class={`notice ${link.state === "ended" ? "bad" : "busy"}`}>
      <LinkText link={link} />
      <span class="grow" />
      {link.state === "ended" && (
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

function NewsNotice({ notice }: { notice: Notice }): VNode {
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
