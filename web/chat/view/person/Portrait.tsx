import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Avatar } from "../../../shared/shared.ts";
import { isMediaUrl } from "../../model/content.ts";
import type { Person } from "../../model/wire.ts";

/** A user's picture, or the first letter of the name. */
export function Portrait({ person, isOnline }: { person: Person; isOnline?: boolean | undefined }): VNode {
  const { name, picture } = person;
  const [failed, setFailed] = useState<string>();
  if (picture === undefined || picture === failed || !isMediaUrl(picture))
    return <Avatar name={name} isOnline={isOnline} />;
  return (
    <span class="avatar" aria-hidden="true">
      <img
        src={picture}
        alt=""
        loading="lazy"
        decoding="async"
        referrerpolicy="no-referrer"
        onError={() => setFailed(picture)}
      />
      {isOnline !== undefined && <span class={`dot ${isOnline ? "good" : "off"}`} />}
    </span>
  );
}
