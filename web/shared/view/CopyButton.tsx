import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Time for which the button says that it has copied. */
const SAID_MS = 2_000;

interface Props {
  readonly label: string;
  /** What it copies, for screen readers. @default the label says it */
  readonly describes?: string | undefined;
  /** Makes the text when the button is pressed. */
  readonly text: () => string;
}

/** Copies a text. */
export function CopyButton({ label, describes, text }: Props): VNode {
  const [said, setSaid] = useState<string>();
  useEffect(() => {
    if (said === undefined) return;
    const timer = setTimeout(() => setSaid(undefined), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async (): Promise<void> => setSaid((await copied(text())) ? "Copied" : "Not copied");
  return (
    <button type="button" class="small" onClick={() => void copy()}>
      <span aria-live="polite">{said ?? label}</span>
      {describes && <span class="unseen"> {describes}</span>}
    </button>
  );
}

/** @returns false when the browser refuses the clipboard */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

/** The clipboard needs TLS or this machine; a page of another machine in the network has neither. */
function copiedBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}
