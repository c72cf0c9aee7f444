import type { VNode } from "preact";
import { useChat } from "../context.ts";

/** Groups that have invited the user. */
export function Invitations(): VNode | null {
  const { page, chat, state } = useChat();
  const invitations = state.invitations.value;
  if (invitations.length === 0) return null;
  const accept = async (group: string): Promise<void> => {
    if ((await chat.act("chat.join", { group })) !== undefined) page.open(group);
  };
  return (
    <section aria-label="Invitations">
      <div class="heading">
        <h2>Invitations</h2>
      </div>
      <ul class="list">
        {invitations.map(({ group, name, by }) => (
          <li key={group} class="card invitation">
            <p>
              <strong dir="auto">{chat.people.person(by).name}</strong> invites you to{" "}
              <strong dir="auto">{name}</strong>
            </p>
            <div class="row">
              <button type="button" class="small primary" onClick={() => void accept(group)}>
                Join
              </button>
              <button type="button" class="small" onClick={() => void chat.act("chat.decline", { group })}>
                Decline
              </button>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
