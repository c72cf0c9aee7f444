import type { VNode } from "preact";
import { hasPage, Icon, type IconName, type PageName, pageAddress } from "../../shared/shared.ts";

interface Card {
  readonly page: PageName;
  readonly icon: IconName;
  readonly title: string;
  readonly text: string;
}

const CARDS: readonly Card[] = [
  {
    page: "chat",
    icon: "chat",
    title: "Chat",
    text: "Accounts, friends and groups on this hub, with pictures, sound and video by their address.",
  },
  {
    page: "console",
    icon: "console",
    title: "Console",
    text: "Nodes, connections, users and groups, for whoever operates the hub.",
  },
  {
    page: "dev",
    icon: "frames",
    title: "Development",
    text: "A client that shows every frame of its connection. In development mode only.",
  },
];

/** Links to the pages that are on, and to the API reference below. */
export function PageCards(): VNode {
  return (
    <ul class="cards" aria-label="Pages of this hub">
      {CARDS.filter(({ page }) => hasPage(page)).map(({ page, ...card }) => (
        <CardLink key={page} href={pageAddress(page)} {...card} />
      ))}
      <CardLink
        href="#api"
        icon="server"
        title="HTTP API"
        text="Every operation for backends in any language, with an example for each."
      />
    </ul>
  );
}

function CardLink({ href, icon, title, text }: Omit<Card, "page"> & { readonly href: string }): VNode {
  return (
    <li>
      <a class="card page-card" href={href}>
        <Icon name={icon} />
        <strong>{title}</strong>
        <span class="muted">{text}</span>
      </a>
    </li>
  );
}
