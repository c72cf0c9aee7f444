import {
  DELETED,
  type DeletedMessage,
  type EditedMessage,
  isNotice,
  type Push,
} from "../../../src/protocol/protocol.ts";
import type { ConversationId } from "./address.ts";
import { type Content, readContent, readNonce } from "./content.ts";
import type { MessageEntry } from "./conversation.ts";
import { Typing } from "./people/typing.ts";
import type { SentMessages } from "./sent.ts";
import type { State } from "./state.ts";

/** Assigns live messages and pages of history to their conversations. */
export class Inbox {
  readonly #state: State;
  /** True while the page is visible. */
  readonly #isVisible: () => boolean;
  readonly #sent: Pick<SentMessages, "find">;
  readonly #typing = new Typing();
  #reconnects = 0;
  /** Number of missed messages received so far. Undefined when all messages are live. */
  #caughtUp: number | undefined;

  constructor(state: State, sent: Pick<SentMessages, "find">, isVisible: () => boolean) {
    this.#state = state;
    this.#sent = sent;
    this.#isVisible = isVisible;
  }

  receive(push: Push): void {
    const { from } = push;
    const conversation = this.#state.conversation(this.#conversationOf(push));
    const isOwn = from === this.#state.user;
    if (push.type === "typing") {
      if (from !== undefined && !isOwn) this.#typing.heard(conversation, from);
      return;
    }
    if (isNotice(push.type)) {
      const { id, offset, ...changed } = push.data as DeletedMessage | EditedMessage; // the type is the hub's own
      conversation.edit(id, offset, contentOf(changed, push.type === DELETED));
      return;
    }
    if (from !== undefined) this.#typing.stopped(conversation, from);
    if (this.#caughtUp !== undefined && push.offset !== undefined && !isOwn) {
      this.#caughtUp++;
      conversation.mark("caught-up", `caught-up-${this.#reconnects}`);
    }
    conversation.receive(this.#entryOf(push));
    const isSeen = this.#state.selected.peek() === conversation.id && this.#isVisible();
    if (!isOwn && !isSeen) conversation.unread.value++;
  }

  /** Groups a page of history by conversation. */
  group(page: readonly Push[]): ReadonlyMap<ConversationId, readonly MessageEntry[]> {
    const pages = Map.groupBy(page, (push) => this.#conversationOf(push));
    return new Map(
      [...pages].map(([id, pushes]) => [id, pushes.map((push) => this.#entryOf(push))] as const),
    );
  }

  /** Counts the messages from now on as missed, until {@link Inbox.endCatchingUp}. */
  startCatchingUp(): void {
    if (this.#caughtUp !== undefined) return;
    this.#reconnects++;
    this.#caughtUp = 0;
  }

  /** Ends the count. @returns the number of missed messages */
  endCatchingUp(): number {
    const count = this.#caughtUp ?? 0;
    this.#caughtUp = undefined;
    return count;
  }

  close(): void {
    this.#typing.close();
  }

  #conversationOf({ from, to, group, recipient }: Push): ConversationId {
    // The copy of an own message, sent from another tab or device.
    if (recipient !== undefined) return `user:${recipient}`;
    if (group !== undefined) return `group:${group}`;
    if (to === undefined) return "all";
    return from === undefined ? "application" : `user:${from}`;
  }

  #entryOf({ type, data, from, timestamp, id, offset, editedAt, deletedAt }: Push): MessageEntry {
    const isOwn = from === this.#state.user;
    const nonce = isOwn ? readNonce(data) : undefined;
    const delivery = nonce === undefined ? undefined : this.#sent.find(nonce)?.delivery;
    const content = contentOf({ type, data }, deletedAt !== undefined);
    const isEdited = editedAt !== undefined && deletedAt === undefined;
    return { kind: "message", key: nonce ?? id, from, isOwn, timestamp, offset, content, isEdited, delivery };
  }
}

const contentOf = ({ type, data }: { type: string; data?: unknown }, isDeleted: boolean): Content =>
  isDeleted ? { kind: "deleted" } : readContent(type, data);
