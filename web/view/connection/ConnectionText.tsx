import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ConnectionState } from "../../model/state.ts";

/** Shows the connection's state as a dot and text. */
export function ConnectionText({ connection }: { connection: ConnectionState }): VNode {
  return (
    <>
      <span class={`dot ${TONES[connection.state]}`} aria-hidden="true" />
      <span>
        <Words connection={connection} />
      </span>
    </>
  );
}

const TONES: Record<ConnectionState["state"], string> = {
  online: "good",
  connecting: "busy",
  waiting: "busy",
  ended: "bad",
};

function Words({ connection }: { connection: ConnectionState }): VNode {
  switch (connection.state) {
    case "online":
      return <>Online</>;
    case "connecting":
      return <>Connecting{connection.attempt > 1 && `, attempt ${connection.attempt}`} …</>;
    case "waiting":
      return <Countdown until={connection.retryAt} />;
    case "ended":
      return <>Disconnected: {connection.reason || `code ${connection.code}`}</>;
  }
}

const TICK_MS = 100;

function Countdown({ until }: { until: number }): VNode {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, until - now) / 1_000;
  return (
    <>
      Reconnecting in {/* A screen reader would read every tick. */}
      <span class="number" aria-hidden="true">
        {seconds.toFixed(1)} s
      </span>
      <span class="unseen">a moment</span>
    </>
  );
}
