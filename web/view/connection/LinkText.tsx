import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Link } from "../../model/state.ts";

/** The state of the connection in a dot and words. */
export function LinkText({ link }: { link: Link }): VNode {
  return (
    <>
      <span class={`dot ${TONES[link.state]}`} aria-hidden="true" />
      <span>
        <Words link={link} />
      </span>
    </>
  );
}

const TONES: Record<Link["state"], string> = {
  online: "good",
  connecting: "busy",
  waiting: "busy",
  ended: "bad",
};

function Words({ link }: { link: Link }): VNode {
  switch (link.state) {
    case "online":
      return <>Online</>;
    case "connecting":
      return <>Connecting{link.attempt > 1 && `, attempt ${link.attempt}`} …</>;
    case "waiting":
      return <Countdown until={link.retryAt} />;
    case "ended":
      return <>Disconnected: {link.reason || `code ${link.code}`}</>;
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
