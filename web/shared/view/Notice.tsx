import type { ComponentChildren, VNode } from "preact";
import { Icon, type IconName } from "./Icon.tsx";

/** `good`: it worked; `busy`: wait or take care; `bad`: it failed; `plain`: to know. */
export type Tone = "good" | "busy" | "bad" | "plain";

const ICONS: Record<Tone, IconName> = { good: "check", busy: "clock", bad: "failed", plain: "info" };

interface Props {
  readonly tone: Tone;
  readonly children: ComponentChildren;
  /** Shows a button that dismisses the notice. */
  readonly onDismiss?: (() => void) | undefined;
}

/** A notice that screen readers say: a failure at once, anything else when they have time. */
export function Notice({ tone, children, onDismiss }: Props): VNode {
  return (
    <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <Icon name={ICONS[tone]} />
      <div class="grow">{children}</div>
      {onDismiss && (
        <button type="button" class="quiet" aria-label="Dismiss" onClick={onDismiss}>
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}
