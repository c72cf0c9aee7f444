import type { VNode } from "preact";
import type { FeedState, Hub } from "../model/hub.ts";

const SHOWN: Readonly<Record<FeedState, { readonly dot: string; readonly text: string }>> = {
  live: { dot: "good", text: "Live" },
  connecting: { dot: "busy", text: "Connecting" },
  waiting: { dot: "busy", text: "Reconnecting" },
  ended: { dot: "bad", text: "Not live" },
};

/** Says whether the figures are live. */
export function FeedBadge({ hub }: { readonly hub: Hub }): VNode {
  const { dot, text } = SHOWN[hub.feed.value];
  return (
    <span class="feed" role="status" title={hub.ended.value}>
      <span class={`dot ${dot}`} />
      {text}
    </span>
  );
}
