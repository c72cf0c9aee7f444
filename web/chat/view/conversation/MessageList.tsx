import { computed } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { Icon, usePerFrame, useStickyScroll } from "../../../shared/shared.ts";
import type { Conversation, Mark, MessageEntry } from "../../model/conversation.ts";
import { useChat } from "../context.ts";
import { MessageItem } from "./MessageItem.tsx";
import { PendingItem } from "./PendingItem.tsx";
import { isArrived } from "./pending.ts";
import { ReadLine } from "./ReadLine.tsx";

/** Messages of one sender within this time are grouped under one name. */
const GROUP_MS = 5 * 60_000;

/** Distance from the top at which earlier messages are loaded. */
const NEAR_PX = 200;

const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export function MessageList({ conversation }: { conversation: Conversation }): VNode {
  const { chat, state } = useChat();
  // One signal: a message that leaves the outbox is among the entries in the same frame.
  const shown = useMemo(
    () =>
      computed(() => {
        const { value: entries } = conversation.entries;
        const own = chat.outbox.pending.value.filter(({ group }) => group === conversation.group);
        const pending = own.filter((message) => !isArrived(message, entries, state.user));
        return { entries, pending, marks: conversation.marks.value };
      }),
    [chat, conversation, state],
  );
  const { entries, pending, marks } = usePerFrame(shown);
  const sentKey = pending.at(-1)?.key;
  const { viewport, content, isAtEnd, toEnd } = useStickyScroll(entries[0]?.id, sentKey);
  const loaded = conversation.loaded.value;
  const drawn = entries.length;
  useEffect(() => {
    const view = viewport.current;
    if (view === null || loaded !== "more") return;
    const onScroll = (): void => {
      if (view.scrollTop < NEAR_PX) chat.loadEarlier(conversation);
    };
    // A page that does not fill the view is followed by the next one.
    if (drawn > 0 && view.scrollHeight <= view.clientHeight) chat.loadEarlier(conversation);
    view.addEventListener("scroll", onScroll, { passive: true });
    return () => view.removeEventListener("scroll", onScroll);
  }, [chat, conversation, loaded, drawn, viewport]);
  const newFrom = conversation.newFrom.value;
  const lastOwn = entries.findLast(({ from }) => from === state.user);
  return (
    <div class="scroll-frame">
      {/* Focusable, so that the keyboard can scroll it. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: WCAG 2.1.1 asks for it */}
      <div class="scroll" ref={viewport} tabIndex={0} role="log" aria-label="Messages">
        <div class="messages" ref={content}>
          <Beginning conversation={conversation} isEmpty={entries.length + pending.length === 0} />
          <Marks marks={marksBetween(marks, 0, entries[0]?.offset)} />
          {entries.map((entry, index) => (
            <EntryItem
              key={entry.offset}
              conversation={conversation}
              entry={entry}
              before={entries[index - 1]}
              marks={marksBetween(marks, entry.offset, entries[index + 1]?.offset)}
              isNew={entry.offset === newFrom}
              isLastOwn={entry === lastOwn}
            />
          ))}
          {pending.map((message) => (
            <PendingItem key={message.key} message={message} />
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

const NO_MARKS: readonly Mark[] = [];

function marksBetween(
  marks: readonly Mark[],
  offset: number,
  next = Number.POSITIVE_INFINITY,
): readonly Mark[] {
  const found = marks.filter(({ after }) => after >= offset && after < next);
  return found.length === 0 ? NO_MARKS : found;
}

const Marks = ({ marks }: { marks: readonly Mark[] }): VNode => (
  <>
    {marks.map(({ key, text }) => (
      <p key={key} class="mark" dir="auto">
        {text}
      </p>
    ))}
  </>
);

interface EntryProps {
  readonly conversation: Conversation;
  readonly entry: MessageEntry;
  readonly before: MessageEntry | undefined;
  readonly marks: readonly Mark[];
  readonly isNew: boolean;
  readonly isLastOwn: boolean;
}

function EntryItem({ conversation, entry, before, marks, isNew, isLastOwn }: EntryProps): VNode {
  const marked = marks.map(({ key }) => key).join();
  // Memoised, so that a new entry does not render the others again. `marked` names the marks, whose list is a new one each time.
  return useMemo(() => {
    const day = DAY.format(entry.timestamp);
    const isNewDay = before === undefined || DAY.format(before.timestamp) !== day;
    return (
      <>
        {isNewDay && <p class="mark">{day}</p>}
        {isNew && <p class="mark new">New messages</p>}
        <MessageItem
          conversation={conversation}
          message={entry}
          isContinued={!isNewDay && !isNew && belongsTo(entry, before)}
        />
        {isLastOwn && <ReadLine conversation={conversation} message={entry} />}
        <Marks marks={marks} />
      </>
    );
  }, [conversation, entry, before, marked, isNew, isLastOwn]);
}

const belongsTo = (message: MessageEntry, last: MessageEntry | undefined): boolean =>
  last !== undefined && last.from === message.from && message.timestamp - last.timestamp < GROUP_MS;

/** Shows the start of the list: a button for earlier messages, or that there are none. */
function Beginning({ conversation, isEmpty }: { conversation: Conversation; isEmpty: boolean }): VNode {
  const { chat, state } = useChat();
  const loaded = conversation.loaded.value;
  if (loaded === "all")
    return (
      <div class="beginning">
        <p>{isEmpty ? "No messages yet. Write the first one." : "This is the beginning of what is kept."}</p>
      </div>
    );
  const isBusy = loaded === "loading" || (loaded === "unknown" && state.isOnline.value);
  const text = loaded === "failed" ? "Try again to load messages" : "Load earlier messages";
  return (
    <div class="beginning">
      <button type="button" class="small" disabled={isBusy} onClick={() => chat.loadEarlier(conversation)}>
        {isBusy ? "Loading …" : text}
      </button>
    </div>
  );
}
