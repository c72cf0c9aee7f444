import type { VNode } from "preact";
import { Avatar, countOf, Label, usePerFrame } from "../../../shared/shared.ts";
import type { Conversation, GroupMember } from "../../model/conversation.ts";
import { useChat } from "../context.ts";

/** Characters of a member's data that are shown. */
const DATA_CHARACTERS = 200;

/** Members of a group with their presence: those who have joined, then those who belong to it and are away. */
export function Members({ conversation }: { conversation: Conversation }): VNode {
  const { state } = useChat();
  const members = usePerFrame(conversation.members);
  return (
    <aside class="members" aria-label="Members">
      <h3>Members</h3>
      {members === undefined ? (
        <p class="hint">Loading …</p>
      ) : (
        <>
          <p class="muted">
            {members.online} joined · {members.durable} durable
          </p>
          {!state.isOnline.value && <p class="hint">Offline: this is the list as last known.</p>}
          <ul>
            {members.listed.map((member) => (
              <MemberItem key={member.user} member={member} />
            ))}
          </ul>
          <Rest shown={members.listed.filter(({ hasJoined }) => hasJoined).length} joined={members.online} />
        </>
      )}
    </aside>
  );
}

function MemberItem({ member: { user, hasJoined, isDurable, data } }: { member: GroupMember }): VNode {
  const { state } = useChat();
  const isOnline = hasJoined || state.online.value.has(user);
  const about = [isOnline ? "online" : "offline", hasJoined && "joined", isDurable && "durable"];
  return (
    <li class="member">
      <Label
        picture={<Avatar name={user} isOnline={isOnline} />}
        title={user}
        detail={about.filter(Boolean).join(" · ")}
      >
        {data !== undefined && (
          <code class="muted" title={shown(data)}>
            {shown(data)}
          </code>
        )}
      </Label>
    </li>
  );
}

function Rest({ shown, joined }: { shown: number; joined: number }): VNode | null {
  return joined > shown ? <p class="hint">{countOf(joined - shown, "more member")} joined.</p> : null;
}

const shown = (data: unknown): string =>
  (JSON.stringify(data) ?? "").slice(0, DATA_CHARACTERS).toWellFormed();
