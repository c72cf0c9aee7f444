import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";
import { Avatar, IconAvatar, Label } from "../../../shared/shared.ts";
import type { ConversationId } from "../../model/address.ts";
import { useChat } from "../context.ts";
import { nameOf } from "../names.ts";
import { JoinGroup } from "./JoinGroup.tsx";

/** People whom the list shows. Thousands may be online. */
const SHOWN_PEOPLE = 100;

/** People from whom on the list can be searched. */
const SEEKABLE = 12;

/** Lists the conversations: everyone, groups, people. */
export function ConversationList(): VNode {
  const { state } = useChat();
  const online = state.online.value;
  const [sought, setSought] = useState("");
  const people = state.people.value;
  const found = people.filter((user) => user.toLowerCase().includes(sought.trim().toLowerCase()));
  const count = online.size - (online.has(state.user) ? 1 : 0);
  return (
    <nav class="list" aria-label="Conversations">
      <ul>
        <Item id="all" detail="everyone who is connected" />
        {state.conversations.value.has("application") && <Item id="application" detail="to you" />}
      </ul>
      <Heading text="Groups" />
      <ul>
        {state.groups.value.map((group) => (
          <Item key={group} id={`group:${group}`} detail="joined" />
        ))}
      </ul>
      <JoinGroup />
      <Heading text="People">
        <span class="muted">{state.isOnline.value ? `${count} online` : "as last known"}</span>
      </Heading>
      {people.length === 0 && (
        <p class="hint">Nobody else is online yet. Open a second tab as another user.</p>
      )}
      {people.length > SEEKABLE && (
        <input
          type="search"
          aria-label="Find people"
          placeholder="Find people"
          value={sought}
          onInput={({ currentTarget }) => setSought(currentTarget.value)}
        />
      )}
      <ul data-testid="people">
        {found.slice(0, SHOWN_PEOPLE).map((user) => (
          <Item
            key={user}
            id={`user:${user}`}
            isOnline={online.has(user)}
            detail={presenceText(online.get(user))}
          />
        ))}
      </ul>
      {found.length > SHOWN_PEOPLE && <p class="hint">{found.length - SHOWN_PEOPLE} more are not shown.</p>}
    </nav>
  );
}

export const presenceText = (platforms: readonly string[] | undefined): string =>
  platforms === undefined ? "offline" : ["online", platforms.join(", ")].filter(Boolean).join(" · ");

function Heading({ text, children }: { text: string; children?: ComponentChildren }): VNode {
  return (
    <div class="heading">
      <h2>{text}</h2>
      {children}
    </div>
  );
}

function Item({ id, detail, isOnline }: { id: ConversationId; detail: string; isOnline?: boolean }): VNode {
  const { page, state } = useChat();
  const { title, user, icon } = nameOf(id);
  const picture =
    user === undefined ? <IconAvatar icon={icon ?? "server"} /> : <Avatar name={user} isOnline={isOnline} />;
  const unread = state.conversations.value.get(id)?.unread.value ?? 0;
  return (
    <li>
      <a class="item" href={page.linkTo(id)} aria-current={state.selected.value === id ? "page" : undefined}>
        <Label picture={picture} title={title} detail={detail} />
        {unread > 0 && (
          <span class="unread">
            {unread}
            <span class="unseen"> unread</span>
          </span>
        )}
      </a>
    </li>
  );
}
