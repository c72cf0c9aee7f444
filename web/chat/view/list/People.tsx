import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "../../../shared/shared.ts";
import type { Person } from "../../model/wire.ts";
import { useChat } from "../context.ts";
import { Act, AddFriend } from "../person/Act.tsx";
import { PersonRow } from "../person/PersonRow.tsx";
import { Gather } from "./NewGroup.tsx";
import { Search } from "./Search.tsx";

/** Everybody else: who asks to be a friend, friends, who is online, and whom the user has asked or blocked. */
export function People(): VNode {
  const { state } = useChat();
  const [gathers, setGathers] = useState(false);
  const { friends, sent, received, blocked } = state.friends.value;
  const { listed, count, isAll } = useOnline();
  const others = listed.filter(({ user }) => user !== state.user);
  return (
    <>
      <Search />
      <Section title="Friend requests" people={received}>
        {(person) => (
          <>
            <Act name="chat.befriend" person={person} text="Accept" tone="primary" />
            <Act name="chat.unfriend" person={person} text="Decline" />
          </>
        )}
      </Section>
      <Section title="Friends" people={friends} />
      <div class="heading">
        <h2>
          {isAll ? "Online" : "Friends online"}{" "}
          <span class="number">{state.isOnline.value ? count : "–"}</span>
        </h2>
        {state.me.value.mayGather === true && (
          <button
            type="button"
            class="small"
            disabled={!state.isOnline.value}
            onClick={() => setGathers(true)}
          >
            <Icon name="everyone" />
            Everyone into one group
          </button>
        )}
      </div>
      {others.length === 0 && (
        <p class="hint">
          {isAll ? "Nobody else is online now." : "None of your friends is online now. Search finds others."}
        </p>
      )}
      <ul class="list" aria-label="Online">
        {others.map((person) => (
          <PersonRow key={person.user} person={person}>
            <AddFriend person={person} />
          </PersonRow>
        ))}
      </ul>
      {count > listed.length && (
        <p class="hint">{count - listed.length} more are online. Search finds them.</p>
      )}
      <Section title="Requests that you have sent" people={sent}>
        {(person) => <Act name="chat.unfriend" person={person} text="Take back" />}
      </Section>
      <Section title="Blocked" people={blocked}>
        {(person) => <Act name="chat.unblock" person={person} text="Unblock" />}
      </Section>
      {gathers && <Gather onClose={() => setGathers(false)} />}
    </>
  );
}

/** Returns who is online: everybody, or the friends, where the server does not let the user see others. */
function useOnline() {
  const { state } = useChat();
  const { of, ...everyone } = state.online.value;
  if (of === "everyone") return { ...everyone, isAll: true };
  const { value: present } = state.present;
  const listed = state.friends.value.friends.filter(({ user }) => present.has(user));
  return { listed, count: listed.length, isAll: false };
}

interface SectionProps {
  readonly title: string;
  readonly people: readonly Person[];
  readonly children?: (person: Person) => ComponentChildren;
}

function Section({ title, people, children }: SectionProps): VNode | null {
  if (people.length === 0) return null;
  return (
    <section aria-label={title}>
      <div class="heading">
        <h2>{title}</h2>
      </div>
      <ul class="list">
        {people.map((person) => (
          <PersonRow key={person.user} person={person}>
            {children?.(person)}
          </PersonRow>
        ))}
      </ul>
    </section>
  );
}
