import type { VNode } from "preact";
import { linkTo } from "../../model/place.ts";

/** A user's id as a link. Its direction of writing does not reach beyond it. */
export const UserLink = ({ user }: { readonly user: string }): VNode => (
  <a href={linkTo("users", user)}>
    <bdi>{user}</bdi>
  </a>
);

export const GroupLink = ({ group }: { readonly group: string }): VNode => (
  <a href={linkTo("groups", group)}>
    <bdi>{group}</bdi>
  </a>
);

export const NodeLink = ({ node }: { readonly node: string }): VNode => (
  <a href={linkTo("nodes", node)}>
    <bdi>{node}</bdi>
  </a>
);

/** A channel, as a link to its user or group. */
export function ChannelLink({ channel }: { readonly channel: string }): VNode {
  if (channel.startsWith("user:")) return <UserLink user={channel.slice("user:".length)} />;
  if (channel.startsWith("group:")) return <GroupLink group={channel.slice("group:".length)} />;
  return <span>everyone</span>;
}

/** A message's data. It is shown as text, whatever it holds. */
export const Data = ({ value }: { readonly value: unknown }): VNode => (
  <code class="data-text">{JSON.stringify(value)?.slice(0, 2_000) ?? ""}</code>
);
