import type { VNode } from "preact";
import { Logo, pageAddress } from "../../shared/shared.ts";
import { ConnectionPanel } from "./connection/ConnectionPanel.tsx";
import { Notices } from "./connection/Notices.tsx";
import { ConversationList } from "./list/ConversationList.tsx";
import { Identity } from "./user/Identity.tsx";

export function Sidebar(): VNode {
  return (
    <aside class="sidebar">
      <header class="brand">
        <a href={pageAddress("start")} aria-label="Start page">
          <Logo />
        </a>
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
