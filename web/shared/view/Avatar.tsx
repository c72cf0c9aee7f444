import type { VNode } from "preact";
import { Icon, type IconName } from "./Icon.tsx";

/** Number of hues in style/base.css. */
const HUES = 8;

/** Shows a user's first letter. The colour depends only on the name. */
export function Avatar({ name, isOnline }: { name: string; isOnline?: boolean }): VNode {
  const [first = "?"] = new Intl.Segmenter().segment(name)[Symbol.iterator]().next().value?.segment ?? "?";
  return (
    <span class={`avatar hue-${hueOf(name)}`} aria-hidden="true">
      {first.toUpperCase()}
      {isOnline !== undefined && <span class={`dot ${isOnline ? "good" : "off"}`} />}
    </span>
  );
}

export function IconAvatar({ icon }: { icon: IconName }): VNode {
  return (
    <span class="avatar plain" aria-hidden="true">
      <Icon name={icon} />
    </span>
  );
}

function hueOf(name: string): number {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 1_000_003;
  return hash % HUES;
}
