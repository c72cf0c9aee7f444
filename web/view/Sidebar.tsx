import type { VNode } from "preact";
import { ConnectionPanel } from "./ConnectionPanel.tsx";
import { ConversationList } from "./ConversationList.tsx";
import { Logo } from "./Icon.tsx";
import { Identity } from "./Identity.tsx";
import { Notices } from "./Notices.tsx";

export function Sidebar(): VNode {
  return (
    <aside class="sidebar">
      <header class="brand">
        <Logo />
        <h1>Tidings</h1>
        <span class="badge">development</span>
      </header>
      <Notices />
      <section class="card" aria-label="You">
        <Identity />
        <ConnectionPanel />
      </section>
      <ConversationList />
    </aside>
  );
}
