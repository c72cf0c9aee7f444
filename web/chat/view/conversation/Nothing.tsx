import type { VNode } from "preact";
import { Icon } from "../../../shared/shared.ts";
import { OfflineBanner } from "../connection/OfflineBanner.tsx";
import { useChat } from "../context.ts";

/** Shown while no conversation is open. */
export function Nothing(): VNode {
  const { page, state } = useChat();
  const { group } = state.address.value;
  const isMissing = group !== undefined && state.isListed.value;
  const isLoading = group !== undefined && !isMissing;
  return (
    <>
      <OfflineBanner />
      <div class="nothing">
        <Icon name="chat" />
        {isLoading && <p role="status">Loading …</p>}
        {isMissing && (
          <>
            <h2>You are not in this conversation</h2>
            <p>It has ended, or you were never a member.</p>
            <button type="button" onClick={() => page.back()}>
              Back to the list
            </button>
          </>
        )}
        {group === undefined && (
          <>
            <h2>Choose a conversation</h2>
            <p>Write to a friend, or to somebody who is online.</p>
            <button type="button" onClick={() => page.show("people")}>
              Find people
            </button>
          </>
        )}
      </div>
    </>
  );
}
