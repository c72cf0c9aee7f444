import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Field } from "../../../shared/shared.ts";
import { useChat } from "../context.ts";
import { PersonRow } from "../person/PersonRow.tsx";
import { useFound } from "../person/useFound.ts";

/** Invites users into a group: friends, and others by a search. */
export function Invite({ group }: { group: string }): VNode {
  const { chat, state } = useChat();
  const [text, setText] = useState("");
  const [invited, setInvited] = useState<ReadonlySet<string>>(new Set());
  const found = useFound(text);
  const people = (found?.users ?? []).filter(({ user }) => user !== state.user);
  const invite = async (user: string): Promise<void> => {
    if ((await chat.act("chat.invite", { group, user })) !== undefined)
      setInvited(new Set([...invited, user]));
  };
  return (
    <div class="part">
      <Field
        label="Invite somebody"
        type="search"
        value={text}
        onValue={setText}
        autocomplete="off"
        maxLength={100}
        placeholder="Name"
      />
      {found && (
        <ul class="list" aria-label="Found">
          {people.length === 0 && <li class="hint">Nobody found.</li>}
          {people.map((person) => (
            <PersonRow key={person.user} person={person}>
              <button
                type="button"
                class="small"
                aria-label={`${invited.has(person.user) ? "Invited" : "Invite"}: ${person.name}`}
                disabled={invited.has(person.user)}
                onClick={() => void invite(person.user)}
              >
                {invited.has(person.user) ? "Invited" : "Invite"}
              </button>
            </PersonRow>
          ))}
        </ul>
      )}
    </div>
  );
}
