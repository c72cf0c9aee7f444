import type { VNode } from "preact";
import { Notice } from "../../../shared/shared.ts";
import { useChat } from "../context.ts";

/** News of the moment, above the page: they move nothing. */
export function News(): VNode {
  const { state } = useChat();
  return (
    <div class="news">
      {state.news.notices.value.map((item) => (
        <Notice key={item.text} tone={item.tone} onDismiss={() => state.news.dismiss(item)}>
          {item.text}
        </Notice>
      ))}
    </div>
  );
}
