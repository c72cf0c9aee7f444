import type { ComponentChildren, VNode } from "preact";
import { Label } from "../../../shared/shared.ts";
import type { Person } from "../../model/wire.ts";
import { useChat } from "../context.ts";
import { Portrait } from "./Portrait.tsx";
import { useConversationWith } from "./useConversationWith.ts";

interface Props {
  readonly person: Person;
  /** Said below the name. @default the id, where the name is another one */
  readonly detail?: string | undefined;
  /** Buttons. */
  readonly children?: ComponentChildren;
}

/** A user in a list. A press on the name opens the conversation. */
export function PersonRow({ person, detail, children }: Props): VNode {
  const { state } = useChat();
  const open = useConversationWith();
  const { user, name } = person;
  const isOnline = state.isPresent(user);
  const isSelf = user === state.user;
  const presence = isOnline === undefined ? "" : isOnline ? "online" : "offline";
  const about = detail ?? (name === user ? presence : user);
  const label = (
    <Label
      picture={<Portrait person={person} isOnline={isOnline} />}
      title={isSelf ? `${name} (you)` : name}
      detail={about}
    />
  );
  return (
    <li class="person">
      {isSelf ? (
        <span class="item">{label}</span>
      ) : (
        <button type="button" class="item" title={`Write to ${name}`} onClick={() => void open(user)}>
          {label}
        </button>
      )}
      {children}
    </li>
  );
}
