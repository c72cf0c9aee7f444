import type { VNode } from "preact";
import { Avatar, countOf, Icon, IconAvatar, type IconName } from "../../../shared/shared.ts";
import type { Content } from "../../model/content.ts";
import type { Delivery, MessageEntry } from "../../model/conversation.ts";
import { useChat } from "../context.ts";
import { Picture } from "./Picture.tsx";

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const FULL_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

interface Props {
  readonly message: MessageEntry;
  /** True when it follows a message of this sender, so that the name is not repeated. */
  readonly isContinued: boolean;
}

export function MessageItem({ message, isContinued }: Props): VNode {
  const { from, isOwn, timestamp, content, isEdited, delivery } = message;
  const sender = from ?? "the application";
  return (
    <article class={`message ${isOwn ? "own" : "other"} ${isContinued ? "continued" : ""}`}>
      {!isOwn && (from === undefined ? <IconAvatar icon="server" /> : <Avatar name={from} />)}
      <div class="body">
        <h3 class={isOwn || isContinued ? "unseen" : "sender"} dir="auto">
          {sender}
        </h3>
        <ContentView content={content} sender={sender} />
        <footer>
          <time dateTime={new Date(timestamp).toISOString()} title={FULL_TIME.format(timestamp)}>
            {TIME.format(timestamp)}
          </time>
          {isEdited && <span>edited</span>}
          {delivery && <DeliveryText delivery={delivery} />}
        </footer>
      </div>
    </article>
  );
}

function ContentView({ content, sender }: { content: Content; sender: string }): VNode {
  switch (content.kind) {
    case "text":
      return (
        <>
          <p class="bubble" dir="auto">
            {content.text}
          </p>
          <Cut characters={content.cut} />
        </>
      );
    case "picture":
      return <Picture url={content.url} sender={sender} />;
    case "deleted":
      return (
        <p class="bubble">
          <span class="type">This message was deleted</span>
        </p>
      );
    case "other":
      return (
        <div class="bubble">
          <span class="type" dir="auto">
            {content.type}
          </span>
          <pre>{content.json}</pre>
          <Cut characters={content.cut} />
        </div>
      );
  }
}

/** Says that a long message is shown in part. */
function Cut({ characters }: { characters: number | undefined }): VNode | null {
  if (characters === undefined) return null;
  return <p class="cut">{countOf(characters, "more character")}. The Frames panel has the frame.</p>;
}

function DeliveryText({ delivery }: { delivery: Delivery }): VNode {
  const { state } = useChat();
  const { icon, text, title } = wordsFor(delivery, state.isOnline.value);
  return (
    <span class={`delivery ${delivery.state}`} title={title}>
      <Icon name={icon} />
      {text}
    </span>
  );
}

/** Describes a delivery in the terms of the receipt, see docs/PROTOCOL.md. */
function wordsFor(delivery: Delivery, isOnline: boolean): { icon: IconName; text: string; title?: string } {
  switch (delivery.state) {
    case "sent":
      return isOnline ? { icon: "clock", text: "sent" } : { icon: "clock", text: "waits for the connection" };
    case "offline":
      return { icon: "failed", text: "no receiver was online" };
    case "stored":
      return { icon: "check", text: "stored", title: "Kept in the history until the receiver connects" };
    case "routed":
      return { icon: "check", text: "sent to other nodes", title: "Whether it arrived there is not known" };
    case "delivered":
      return {
        icon: "received",
        text: "delivered",
        title: `Delivered to ${countOf(delivery.connections, "connection")}`,
      };
    case "acked":
      return { icon: "received", text: "acknowledged", title: "The receiver's client has handled it" };
    case "dropped":
      return { icon: "check", text: "waits for the receiver", title: "The receiver reads too slowly" };
    case "failed":
      return { icon: "failed", text: `not sent: ${delivery.reason}` };
  }
}
