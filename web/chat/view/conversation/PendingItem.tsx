import type { VNode } from "preact";
import { Icon } from "../../../shared/shared.ts";
import { readContent } from "../../model/content.ts";
import type { Pending } from "../../model/outbox.ts";
import { useChat } from "../context.ts";
import { ContentView } from "./ContentView.tsx";

/** An own message that the server has not confirmed yet. */
export function PendingItem({ message }: { message: Pending }): VNode {
  const { chat, state } = useChat();
  const { failure, data } = message;
  return (
    <article class="message own pending">
      <div class="body">
        <h3 class="unseen">You</h3>
        <ContentView content={readContent("chat", data)} sender="you" />
        <footer class={failure === undefined ? "" : "failed"}>
          <Icon name={failure === undefined ? "clock" : "failed"} />
          <span>
            {failure === undefined
              ? state.isOnline.value
                ? "Sending"
                : "Waits for the connection"
              : `Not sent. ${failure}`}
          </span>
          {failure !== undefined && (
            <button type="button" class="small" onClick={() => chat.outbox.retry(message)}>
              Send again
            </button>
          )}
          {(failure !== undefined || !state.isOnline.value) && (
            <button type="button" class="small" onClick={() => chat.outbox.discard(message)}>
              Discard
            </button>
          )}
        </footer>
      </div>
    </article>
  );
}
