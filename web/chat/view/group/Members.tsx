import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../../../shared/shared.ts";
import type { Conversation, Info } from "../../model/conversation.ts";
import type { Member, Role } from "../../model/wire.ts";
import { useChat } from "../context.ts";
import { PersonRow } from "../person/PersonRow.tsx";

/** Members that are listed at a time. */
const PAGE = 100;

const ROLES: Record<Role, string | undefined> = { owner: "Owner", admin: "Administrator", member: undefined };

/** Members of a group, page by page. The list is read again when the server tells of a change. */
export function Members({ conversation, info }: { conversation: Conversation; info: Info }): VNode {
  const { chat, state } = useChat();
  const { group, members: count } = info;
  const [members, setMembers] = useState<readonly Member[]>([]);
  const [cursor, setCursor] = useState<string>();
  const read = async (from?: string): Promise<void> => {
    const page = await chat.ask("chat.members", { group, limit: PAGE, cursor: from }).catch(() => undefined);
    if (page === undefined) return;
    chat.people.learn(page.members);
    setMembers((before) => [...(from === undefined ? [] : before), ...page.members]);
    setCursor(page.cursor);
  };
  const changes = conversation.memberChanges.value;
  useEffect(() => void read(), [group, changes]);
  return (
    <section class="part" aria-label="Members">
      <h3>
        Members <span class="muted number">{count}</span>
      </h3>
      <ul class="list">
        {members.map((member) => (
          <PersonRow key={member.user} person={member} detail={ROLES[member.role]}>
            {member.user !== state.user && (
              <MemberActions conversation={conversation} info={info} member={member} />
            )}
          </PersonRow>
        ))}
      </ul>
      {cursor !== undefined && (
        <button type="button" class="small" onClick={() => void read(cursor)}>
          More members
        </button>
      )}
    </section>
  );
}

interface ActionsProps {
  readonly conversation: Conversation;
  readonly info: Info;
  readonly member: Member;
}

/** What the user may do with a member: administrators remove plain members; the owner removes all, and gives roles. */
function MemberActions({
  info: { group, role: own },
  member: { user, name, role },
}: ActionsProps): VNode | null {
  const { chat } = useChat();
  const [isOpen, setOpen] = useState(false);
  const isOwner = own === "owner";
  if (!isOwner && !(own === "admin" && role === "member")) return null;
  const give = (given: Role): void => void chat.act("chat.role", { group, user, role: given });
  return (
    <>
      <button
        type="button"
        class="quiet more"
        aria-label={`Actions for ${name}`}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="more" />
      </button>
      {isOpen && (
        <span class="row wrap actions">
          <button
            type="button"
            class="small danger"
            onClick={() => void chat.act("chat.remove", { group, user })}
          >
            Remove
          </button>
          {isOwner && (
            <button type="button" class="small" onClick={() => give(role === "admin" ? "member" : "admin")}>
              {role === "admin" ? "Make a plain member" : "Make administrator"}
            </button>
          )}
          {isOwner && (
            <button type="button" class="small" onClick={() => give("owner")}>
              Make owner
            </button>
          )}
        </span>
      )}
    </>
  );
}
