import type { ComponentChildren, VNode } from "preact";
import { Dialog } from "../../../shared/shared.ts";

interface Props {
  readonly title: string;
  /** The button that does it. */
  readonly action: string;
  /** @default false */
  readonly isDangerous?: boolean;
  readonly isRunning?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** Asks before something that many people notice. */
export function Confirm(props: Props): VNode {
  const { title, action, isDangerous, isRunning = false, onConfirm, onClose, children } = props;
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <div class="row end">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class={isDangerous ? "danger" : "primary"}
          disabled={isRunning}
          onClick={onConfirm}
        >
          {action}
        </button>
      </div>
    </Dialog>
  );
}
