import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { applyScheme, type Scheme, storedScheme, storeScheme } from "../scheme.ts";
import { Icon, type IconName } from "./Icon.tsx";

const NEXT: Record<Scheme, Scheme> = { system: "light", light: "dark", dark: "system" };
const ICONS: Record<Scheme, IconName> = { system: "contrast", light: "sun", dark: "moon" };
const NAMES: Record<Scheme, string> = { system: "as the system", light: "light", dark: "dark" };

/** A button that goes through the colour schemes. */
export function SchemeSwitch(): VNode {
  const [scheme, setScheme] = useState(storedScheme);
  const label = `Colours: ${NAMES[scheme]}`;
  const change = (): void => {
    applyScheme(NEXT[scheme]);
    storeScheme(NEXT[scheme]);
    setScheme(NEXT[scheme]);
  };
  return (
    <button type="button" class="quiet scheme" aria-label={label} title={label} onClick={change}>
      <Icon name={ICONS[scheme]} />
    </button>
  );
}
