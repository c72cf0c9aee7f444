import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { countOf, IconAvatar, Label } from "../../../shared/shared.ts";
import type { FoundGroup } from "../../model/wire.ts";
import { useChat } from "../context.ts";
import { AddFriend } from "../person/Act.tsx";
import { PersonRow } from "../person/PersonRow.tsx";
import { useFound } from "../person/useFound.ts";

/** Finds users and open groups. */
export function Search(): VNode {
  const { state } = useChat();
  const [text, setText] = useState("");
  const found = useFound(text);
  return (
    <div class="search">
      <input
        type="search"
        aria-label="Find people and open groups"
        placeholder="Find people and open groups"
        value={text}
        maxLength={100}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={({ key }) => key === "Escape" && setText("")}
      />
      {found && (
        <section aria-label="Found" aria-live="polite">
          {found.users.length + found.groups.length === 0 && <p class="hint">Nothing found.</p>}
          <ul class="list">
            {found.groups.map((group) => (
              <GroupRow key={group.group} found={group} />
            ))}
            {found.users.map((person) => (
              <PersonRow key={person.user} person={person}>
                <AddFriend person={person} />
              </PersonRow>
            ))}
          </ul>
          {!state.isOnline.value && <p class="hint">Search needs a connection.</p>}
        </section>
      )}
    </div>
  );
}

function GroupRow({ found: { group, name, members } }: { found: FoundGroup }): VNode {
  const { page, chat, state } = useChat();
  const isJoined = state.conversations.value.has(group);
  const open = async (): Promise<void> => {
    if (!isJoined && (await chat.act("chat.join", { group })) === undefined) return;
    state.conversation(group);
    page.open(group);
  };
  return (
    <li class="person">
      <span class="item">
        <Label picture={<IconAvatar icon="group" />} title={name} detail={countOf(members, "member")} />
      </span>
      <button
        type="button"
        class="small"
        aria-label={`${isJoined ? "Open" : "Join"}: ${name}`}
        onClick={() => void open()}
      >
        {isJoined ? "Open" : "Join"}
      </button>
    </li>
  );
}
