import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Channel } from "../../../../src/protocol/protocol.ts";
import { Icon } from "../../../shared/shared.ts";
import { useChat } from "../context.ts";
import { nameOf } from "../names.ts";
import { PictureForm } from "./PictureForm.tsx";

/** Input for a message. Enter sends it, Shift+Enter starts a new line. */
export function Composer({ channel }: { channel: Channel }): VNode {
  const { chat } = useChat();
  const [text, setText] = useState("");
  const [isPicture, setPicture] = useState(false);
  const send = (event: Event): void => {
    event.preventDefault();
    if (text.trim() === "") return;
    chat.sendText(channel, text);
    setText("");
  };
  const write = (value: string): void => {
    setText(value);
    if (value !== "") chat.typing(channel);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes, Enter selects a word.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  };
  return (
    <div class="composer">
      {isPicture && (
        <PictureForm onPicture={(url) => chat.sendPicture(channel, url)} onDone={() => setPicture(false)} />
      )}
      <form class="row" onSubmit={send}>
        <button
          type="button"
          class="round"
          aria-label="Send a picture"
          title="Send a picture"
          aria-expanded={isPicture}
          onClick={() => setPicture(!isPicture)}
        >
          <Icon name="picture" />
        </button>
        <textarea
          rows={1}
          aria-label={`Message to ${nameOf(channel).title}`}
          placeholder="Write a message"
          value={text}
          onInput={({ currentTarget }) => write(currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        <button type="submit" class="round primary" aria-label="Send" disabled={text.trim() === ""}>
          <Icon name="send" />
        </button>
      </form>
    </div>
  );
}
