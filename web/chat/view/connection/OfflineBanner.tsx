import type { VNode } from "preact";
import { Icon } from "../../../shared/shared.ts";
import { useChat } from "../context.ts";

/** Says that there is no connection, and what that means. */
export function OfflineBanner(): VNode {
  const { chat, state } = useChat();
  const connection = state.connection.value;
  const isFirst = connection.state === "connecting" && connection.isFirst && state.hasNetwork.value;
  const isShown = !state.isOnline.value && !isFirst;
  return (
    <div role="status">
      {isShown && (
        <div class="notice busy">
          <Icon name="cut" />
          <p class="grow">
            <strong>You are offline.</strong> What you write is sent when you are back.
          </p>
          {connection.state === "waiting" && (
            <button type="button" onClick={() => chat.reconnect()}>
              Connect now
            </button>
          )}
        </div>
      )}
    </div>
  );
}
