import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { Icon, usePerFrame, useStickyScroll } from "../../../shared/shared.ts";
import type { Conversation, Entry, MessageEntry } from "../../model/conversation.ts";
import { useChat } from "../context.ts";
import { Mark } from "./Mark.tsx";
import { MessageItem } from "./MessageItem.tsx";

/** Key of the last entry, if it has just been sent. */
function sentKeyOf(entries: readonly Entry[]): string | undefined {
  const last = entries.at(-1);
  return last?.kind === "message" && last.delivery?.state === "sent" ? last.key : undefined;
}

/** Messages of one sender within this time are grouped under one name. */
const GROUP_MS = 5 * 60_000;

const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export function MessageList({ conversation }: { conversation: Conversation }): VNode {
  const entries = usePerFrame(conversation.entries);
  const { viewport, content, isAtEnd, toEnd } = useStickyScroll(entries[0]?.key, sentKeyOf(entries));
  return (
    <div class="scroll-frame">
      {/* Focusable, so that the keyboard can scroll it. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: WCAG 2.1.1 asks for it */}
      <div class="scroll" ref={viewport} tabIndex={0} role="log" aria-label="Messages">
        <div class="messages" ref={content}>
          <Beginning conversation={conversation} />
          {entries.map((entry, index) => (
            <EntryItem key={entry.key} entry={entry} before={entries[index - 1]} />
          ))}
        </div>
      </div>
      {!isAtEnd && (
        <button type="button" class="to-end" onClick={toEnd}>
          <Icon name="down" />
          Latest
        </button>
      )}
    </div>
  );
}

function EntryItem({ entry, before }: { entry: Entry; before: Entry | undefined }): VNode {
  // Memoised, so that a new entry does not render the others again.
  return useMemo(() => drawEntry(entry, before), [entry, before]);
}

function drawEntry(entry: Entry, before: Entry | undefined): VNode {
  if (entry.kind === "mark") return <Mark entry={entry} />;
  const last = before?.kind === "message" ? before : undefined;
  const day = dayOf(entry);
  const isNewDay = last !== undefined && dayOf(last) !== day;
  return (
    <>
      {isNewDay && <p class="mark day">{day}</p>}
      <MessageItem message={entry} isContinued={!isNewDay && belongsTo(entry, last)} />
    </>
  );
}

const dayOf = ({ timestamp }: MessageEntry): string => DAY.format(timestamp);

const belongsTo = (message: MessageEntry, last: MessageEntry | undefined): boolean =>
  last !== undefined && last.from === message.from && message.timestamp - last.timestamp < GROUP_MS;

/** Shows the start of the list: a button for earlier messages, or that there are none. */
function Beginning({ conversation }: { conversation: Conversation }): VNode {
  const { chat } = useChat();
  const loaded = conversation.loaded.value.state;
  return (
    <div class="beginning">
      {loaded === "all" ? (
        <p>{conversation.entries.value.length === 0 ? "No messages yet." : "Nothing older is kept."}</p>
      ) : (
        <button type="button" disabled={loaded === "loading"} onClick={() => chat.loadEarlier(conversation)}>
          {loaded === "loading" ? "Loading …" : "Load earlier messages"}
        </button>
      )}
    </div>
  );
}
