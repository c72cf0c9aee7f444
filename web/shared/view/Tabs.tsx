import type { VNode } from "preact";
import { useRef } from "preact/hooks";

interface Props<Name extends string> {
  /** What the tabs choose, for screen readers. */
  readonly label: string;
  /** Titles by name, in their order. */
  readonly titles: Readonly<Record<Name, string>>;
  readonly selected: Name;
  readonly onSelect: (name: Name) => void;
}

/**
 * Tabs by the pattern of ARIA: the arrow keys move between them. The caller draws the panel: an element with the role `tabpanel` and the
 * id `panel-<name>`, labelled by `tab-<name>`.
 */
export function Tabs<Name extends string>({ label, titles, selected, onSelect }: Props<Name>): VNode {
  const list = useRef<HTMLDivElement>(null);
  const names = Object.keys(titles) as Name[]; // a record has no other keys
  const onKeyDown = ({ key }: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (step === undefined) return;
    const next = names[(names.indexOf(selected) + step + names.length) % names.length] ?? selected;
    onSelect(next);
    list.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-selected={selected === name}
          aria-controls={selected === name ? `panel-${name}` : undefined}
          tabIndex={selected === name ? 0 : -1}
          onClick={() => onSelect(name)}
        >
          {titles[name]}
        </button>
      ))}
    </div>
  );
}
