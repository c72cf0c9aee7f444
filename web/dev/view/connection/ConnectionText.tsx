import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ConnectionState } from "../../model/state.ts";

interface Props {
  readonly connection: ConnectionState;
  /** False while the browser says that it has no network. */
  readonly hasNetwork: boolean;
}

/** Shows the connection's state as a dot and text: whether it is online, and what happens otherwise. */
export function ConnectionText({ connection, hasNetwork }: Props): VNode {
  const isFirst = connection.state === "connecting" && connection.isFirst && hasNetwork;
  const isOnline = connection.state === "online" && hasNetwork;
  return (
    <>
      <span class={`dot ${isOnline ? "good" : isFirst ? "busy" : "bad"}`} aria-hidden="true" />
      <span class="state">
        {!isFirst && <strong>{isOnline ? "Online" : "Offline"}</strong>}
        {!isOnline && (
          <span class="detail">
            <Words connection={connection} />
          </span>
        )}
      </span>
    </>
  );
}

function Words({ connection }: { connection: ConnectionState }): VNode {
  switch (connection.state) {
    case "online":
      return <>The browser has no network</>;
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
