import type { VNode } from "preact";
import { countOf, Icon } from "../../../shared/shared.ts";
import type { Conversation, MessageEntry } from "../../model/conversation.ts";

/** Says below the user's last message who has read it. */
export function ReadLine({
  conversation,
  message,
}: {
  conversation: Conversation;
  message: MessageEntry;
}): VNode {
  const readers = [...conversation.readers.value].filter(
    ([user, offset]) => user !== message.from && offset >= message.offset,
  ).length;
  const isDirect = conversation.info.value?.kind === "direct";
  return (
    <p class="read-line">
      <Icon name={readers > 0 ? "received" : "check"} />
      {readers === 0 ? "Sent" : isDirect ? "Read" : `Read by ${countOf(readers, "member")}`}
    </p>
  );
}
