import type { VNode } from "preact";
import { useRef } from "preact/hooks";

export type Tab = "frames" | "channels" | "requests";

const ORDER: readonly Tab[] = ["frames", "channels", "requests"];

interface Props {
  readonly tab: Tab;
  readonly channels: number;
  readonly requests: number;
  readonly onTab: (tab: Tab) => void;
}

/** Tabs by the pattern of ARIA: the arrow keys move between them. */
export function Tabs({ tab, channels, requests, onTab }: Props): VNode {
  const list = useRef<HTMLDivElement>(null);
  const titles: Record<Tab, string> = {
    frames: "Frames",
    channels: `Channels ${channels}`,
    requests: `Open requests ${requests}`,
  };
  const onKeyDown = ({ key }: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (step === undefined) return;
    const next = ORDER[(ORDER.indexOf(tab) + step + ORDER.length) % ORDER.length] ?? tab;
    onTab(next);
    list.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Frames" ref={list} onKeyDown={onKeyDown}>
      {ORDER.map((each) => (
        <button
          key={each}
          type="button"
          role="tab"
          id={`tab-${each}`}
          aria-selected={tab === each}
          aria-controls={tab === each ? `panel-${each}` : undefined}
          tabIndex={tab === each ? 0 : -1}
          onClick={() => onTab(each)}
        >
          {titles[each]}
        </button>
      ))}
    </div>
  );
}
