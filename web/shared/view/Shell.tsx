import type { ComponentChildren, VNode } from "preact";
import { useRef } from "preact/hooks";
import { hasPage, type PageName, pageAddress } from "../hub.ts";
import { Logo } from "./Icon.tsx";
import { SchemeSwitch } from "./SchemeSwitch.tsx";

const TITLES: Record<PageName, string> = {
  start: "Start",
  chat: "Chat",
  console: "Console",
  dev: "Development",
};
const ORDER: readonly PageName[] = ["start", "chat", "console", "dev"];

interface Props {
  /** The present page. */
  readonly page: PageName;
  /** Further buttons in the header, such as who is logged in. */
  readonly tools?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** The frame of a page: a header with links to the pages that are on, and the page's own content. */
export function Shell({ page, tools, children }: Props): VNode {
  const main = useRef<HTMLElement>(null);
  return (
    <div class="shell">
      {/* A link would need the fragment of the address, which belongs to the page. */}
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header class="shell-header">
        <a class="shell-brand" href={pageAddress("start")}>
          <Logo />
          Tidings
        </a>
        <nav class="shell-pages" aria-label="Pages">
          {ORDER.filter(hasPage).map((each) => (
            <a key={each} href={pageAddress(each)} aria-current={each === page ? "page" : undefined}>
              {TITLES[each]}
            </a>
          ))}
        </nav>
        <div class="shell-tools">
          {tools}
          <SchemeSwitch />
        </div>
      </header>
      <main class="shell-main" ref={main} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}
