import type { VNode } from "preact";
import { useState } from "preact/hooks";

/** Shows a picture from the sender's URL. Its server sees the request, but no referrer. */
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
