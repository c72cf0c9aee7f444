import type { VNode } from "preact";
import { Icon } from "../../../shared/shared.ts";
import { useChat } from "../context.ts";
import { ConnectionText } from "./ConnectionText.tsx";

/** Shows the connection's state, and buttons to break it. */
export function ConnectionPanel(): VNode {
  const { page, chat, state } = useChat();
  const { isUp } = chat.network;
  const connection = state.connection.value;
  return (
    <div class="connection">
      <p class="status">
        <ConnectionText connection={connection} hasNetwork={state.hasNetwork.value} />
      </p>
      <dl class="facts">
        <div>
          <dt>Node</dt>
          <dd title={state.welcome.value?.node}>{state.welcome.value?.node ?? "–"}</dd>
        </div>
        <div>
          <dt>Latency</dt>
          <dd>{formatLatency(state.isOnline.value ? state.latencyMs.value : undefined)}</dd>
        </div>
      </dl>
      <div class="row">
        <button
          type="button"
          class="grow"
          aria-expanded={page.showsFrames.value}
          aria-controls="frames"
          onClick={() => page.toggleFrames()}
        >
          <Icon name="frames" />
          Frames
        </button>
        <button
          type="button"
          class="grow"
          disabled={connection.state !== "online"}
          onClick={() => chat.network.cut()}
        >
          <Icon name="cut" />
          Drop connection
        </button>
      </div>
      <label class="switch" title="Cut the connection and prevent new ones until this is off">
        <span class="grow">Go offline</span>
        <input
          type="checkbox"
          role="switch"
          aria-checked={!isUp.value}
          checked={!isUp.value}
          disabled={connection.state === "ended"}
          onChange={({ currentTarget }) =>
            currentTarget.checked ? chat.network.disconnect() : chat.network.restore()
          }
        />
      </label>
    </div>
  );
}

function formatLatency(latencyMs: number | undefined): string {
  return latencyMs === undefined ? "–" : `${latencyMs.toFixed(latencyMs < 10 ? 1 : 0)} ms`;
}
