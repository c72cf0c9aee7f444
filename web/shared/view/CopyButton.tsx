import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Time for which the button says that it has copied. */
const SAID_MS = 2_000;

/** Copies a text, which is made when the button is pressed. */
export function CopyButton({ label, text }: { label: string; text: () => string }): VNode {
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
