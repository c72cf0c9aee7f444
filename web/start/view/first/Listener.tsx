import type { VNode } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { socketUrl } from "../../../shared/shared.ts";
import type { Credential } from "../../model/credential.ts";
import { Listening, type ListeningState } from "../../model/listening.ts";

const STATES: Record<ListeningState, { readonly dot: string; readonly text: string }> = {
  off: { dot: "off", text: "not listening" },
  connecting: { dot: "busy", text: "connecting" },
  open: { dot: "good", text: "listening as alice" },
  ended: { dot: "bad", text: "the hub has ended it" },
};

/** Listens in this page, so that what a snippet sends is seen to arrive. */
export function Listener({ credential }: { readonly credential: Credential }): VNode {
  const listening = useMemo(() => new Listening(), []);
  useEffect(() => () => listening.end(), [listening]);
  const state = listening.state.value;
  const messages = listening.messages.value;
  const isOff = state === "off";
  return (
    <div class="card aside-card">
      <h3>See it arrive</h3>
      <p class="row" role="status">
        <span class={`dot ${STATES[state].dot}`} />
        {STATES[state].text}
      </p>
      <div class="arrivals" role="log" aria-label="Messages for alice">
        {messages.length === 0 ? (
          <p class="muted">
            {isOff
              ? "Listen in this tab as alice, then send with curl, from the console, or from another tab."
              : "Nothing yet. Send something: the tab curl has a command."}
          </p>
        ) : (
          messages.map(({ number, type, from, text }) => (
            <p key={number} class="arrival">
              <span class="muted">
                {type} from {from ?? "the application"}
              </span>
              <code>{text}</code>
            </p>
          ))
        )}
      </div>
      <button
        type="button"
        class={isOff ? "primary" : ""}
        onClick={() => (isOff ? void listening.begin(socketUrl(), credential) : listening.end())}
      >
        {isOff ? "Listen as alice" : "Stop listening"}
      </button>
    </div>
  );
}
