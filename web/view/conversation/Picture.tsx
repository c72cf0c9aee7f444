import type { VNode } from "preact";
import { useState } from "preact/hooks";

/** A picture from wherever its sender said. That place learns nothing of the page (no referrer), but of the visit. */
export function Picture({ url, sender }: { url: string; sender: string }): VNode {
  const [hasFailed, setFailed] = useState(false);
  if (hasFailed) {
    return (
      <p class="bubble">
        <span class="type">This picture could not be loaded</span>
        {url}
      </p>
    );
  }
  return (
    <img
      class="picture"
      src={url}
      alt={`From ${sender}: ${url}`}
      title={url}
      loading="lazy"
      decoding="async"
      referrerpolicy="no-referrer"
      onError={() => setFailed(true)}
    />
  );
}
