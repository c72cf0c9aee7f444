import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../../../shared/shared.ts";
import type { Conversation } from "../../model/conversation.ts";
import { useChat } from "../context.ts";
import { Act, AddFriend } from "../person/Act.tsx";
import { Portrait } from "../person/Portrait.tsx";
import { GroupDetails } from "./GroupDetails.tsx";

interface Props {
  readonly conversation: Conversation;
  readonly onClose: () => void;
}

/** Details of a conversation: beside the messages, and above them on a narrow screen. */
export function Details({ conversation, onClose }: Props): VNode {
  const { info } = conversation;
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => close.current?.focus(), []);
  const onKeyDown = ({ key, target }: KeyboardEvent): void => {
    const isField = target instanceof HTMLInputElement;
    if (key === "Escape" && !isField) onClose();
  };
  const other = info.value?.with;
  return (
    <section class="details" aria-label="Details" onKeyDown={onKeyDown}>
      <header class="row">
        <h3 class="grow">Details</h3>
        <button ref={close} type="button" class="quiet" aria-label="Close the details" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {other !== undefined && <PersonDetails user={other} />}
      {info.value?.kind === "group" && <GroupDetails conversation={conversation} info={info.value} />}
    </section>
  );
}

function PersonDetails({ user }: { user: string }): VNode {
  const { chat, state } = useChat();
  const person = chat.people.person(user);
  const { friends, sent, received, blocked } = state.friends.value;
  const isIn = (list: readonly { user: string }[]): boolean => list.some((each) => each.user === user);
  return (
    <div class="part">
      <div class="row">
        <Portrait person={person} isOnline={state.isPresent(user)} />
        <div class="names">
          <strong class="name" dir="auto">
            {person.name}
          </strong>
          <span class="muted" dir="auto">
            {user}
          </span>
        </div>
      </div>
      <div class="row wrap">
        {isIn(friends) && <Act name="chat.unfriend" person={person} text="End the friendship" />}
        {isIn(received) && (
          <Act name="chat.befriend" person={person} text="Accept as friend" tone="primary" />
        )}
        {isIn(sent) && <Act name="chat.unfriend" person={person} text="Take the request back" />}
        <AddFriend person={person} />
        {isIn(blocked) ? (
          <Act name="chat.unblock" person={person} text="Unblock" />
        ) : (
          <Act name="chat.block" person={person} text="Block" tone="danger" />
        )}
      </div>
      {isIn(blocked) && (
        <p class="hint">While you block {person.name}, neither of you can write to the other.</p>
      )}
    </div>
  );
}
