import type { EditedMessage, Push } from "../../protocol/protocol.ts";

/** A page of a history, of whatever types. */
export interface Page {
  readonly epoch: string;
  readonly messages: readonly Push[];
  readonly more: boolean;
}

export interface MessageListOptions {
  /** Types to list. @default all but notices */
  readonly types: readonly string[] | undefined;
  /** Longest list. */
  readonly max: number;
}

// Values of src/protocol. An import would put the wire format into the bundle of whoever uses a store.
export const EDITED = "message.edited";
export const DELETED = "message.deleted";

const NONE: readonly Push[] = [];

/**
 * Stored messages of a channel, oldest first, each once: pages of the history and live messages, joined by their offsets. Edits and
 * deletions are applied. There is no hole between two messages of the list, but for those that are not for this client.
 */
export class MessageList {
  readonly #options: MessageListOptions;
  #messages = NONE;
  #epoch: string | undefined;
  /** Older messages are left to the pages of the history. */
  #oldest = 0;
  /** Newest offset that has arrived, notices and types that are not listed included. */
  #newest = 0;
  #more = false;
  /** Pages that are on the way. */
  #asked = 0;
  /** Notices since they were asked for: a page may have been read before the edit. */
  #notices: Push[] = [];

  constructor(options: MessageListOptions) {
    this.#options = options;
  }

  /** The same array while nothing has changed. */
  get messages(): readonly Push[] {
    return this.#messages;
  }

  /** Undefined before the first page. */
  get epoch(): string | undefined {
    return this.#epoch;
  }

  get newest(): number {
    return this.#newest;
  }

  /** The next older page ends before this offset. */
  get oldest(): number {
    return this.#oldest;
  }

  /** True while there is an older page, and room for it. */
  get hasOlder(): boolean {
    return this.#more && this.#messages.length < this.#options.max;
  }

  /** Takes the newest page. Messages that it does not continue are dropped, so that no hole stays. */
  begin(page: Page): void {
    const first = page.messages[0]?.offset;
    const continues =
      page.epoch === this.#epoch && first !== undefined && this.#newest + 1 >= first && this.#oldest <= first;
    if (!continues) {
      this.clear();
      this.#oldest = first ?? 0;
      this.#more = page.more;
    }
    this.#epoch = page.epoch;
    this.#merge(page.messages);
    this.#trim();
  }

  /** Forgets all messages: what arrives next does not continue them. */
  clear(): void {
    this.#messages = NONE;
    this.#epoch = undefined;
    this.#oldest = 0;
    this.#newest = 0;
    this.#more = false;
  }

  /** Takes the page before {@link oldest}. */
  prepend(page: Page): void {
    this.#oldest = page.messages[0]?.offset ?? 0;
    this.#more = page.more;
    this.#merge(page.messages);
    // Newer messages stay: a list that is full lost the oldest ones of the page.
    this.#trim();
  }

  /** Takes a message that arrived. @returns whether the list has changed */
  add(push: Push): boolean {
    const { offset, type } = push;
    if (offset === undefined) return false;
    const before = this.#messages;
    this.#newest = Math.max(this.#newest, offset);
    if (isNotice(type)) {
      if (this.#asked > 0) this.#notices.push(push);
      this.#messages = folded(this.#messages, push);
    } else if (offset >= this.#oldest && this.#isListed(push)) {
      this.#messages = inserted(this.#messages, push);
      this.#trim();
    }
    return this.#messages !== before;
  }

  /** Notes that a page is asked for. */
  asked(): void {
    this.#asked++;
  }

  /** Notes that a page has come, or has failed. */
  answered(): void {
    this.#asked--;
    if (this.#asked === 0) this.#notices = [];
  }

  /** Adds what a page has. Its versions replace those of the list, because the history has them as they are now. */
  #merge(messages: readonly Push[]): void {
    const byOffset = new Map(this.#messages.map((each) => [each.offset, each]));
    for (const message of messages) {
      this.#newest = Math.max(this.#newest, message.offset ?? 0);
      if (this.#isListed(message)) byOffset.set(message.offset, newer(byOffset.get(message.offset), message));
    }
    this.#messages = [...byOffset.values()].sort((one, other) => offsetOf(one) - offsetOf(other));
    for (const notice of this.#notices) this.#messages = folded(this.#messages, notice);
  }

  #trim(): void {
    const { max } = this.#options;
    if (this.#messages.length <= max) return;
    this.#messages = this.#messages.slice(-max);
    this.#oldest = offsetOf(this.#messages[0]);
    this.#more = true;
  }

  #isListed({ type }: Push): boolean {
    const { types } = this.#options;
    return !isNotice(type) && (types === undefined || types.includes(type));
  }
}

const isNotice = (type: string): boolean => type === EDITED || type === DELETED;
const offsetOf = (message: Push | undefined): number => message?.offset ?? 0;

/** Time of the last change, in milliseconds since 1970. A deletion is the last one. */
const changedAt = ({ editedAt = 0, deletedAt }: Push): number =>
  deletedAt === undefined ? editedAt : Number.POSITIVE_INFINITY;

const newer = (listed: Push | undefined, read: Push): Push =>
  listed !== undefined && changedAt(listed) > changedAt(read) ? listed : read;

/** @returns the same list when it has the message already */
function inserted(messages: readonly Push[], push: Push): readonly Push[] {
  const offset = offsetOf(push);
  // From the end, where a new message belongs.
  let at = messages.length;
  while (at > 0 && offsetOf(messages[at - 1]) > offset) at--;
  if (at > 0 && offsetOf(messages[at - 1]) === offset) return messages;
  return [...messages.slice(0, at), push, ...messages.slice(at)];
}

/** Applies a notice. @returns the same list when the message is not in it, or is newer */
function folded(messages: readonly Push[], { type, data, timestamp }: Push): readonly Push[] {
  const { offset, id, data: edited } = (data ?? {}) as Partial<EditedMessage>; // as the server writes it
  // Another epoch has other messages at these offsets.
  const message = messages.find((each) => each.offset === offset && each.id === id);
  if (!message || changedAt(message) > timestamp) return messages;
  const changed =
    type === DELETED
      ? { ...message, data: null, deletedAt: timestamp }
      : { ...message, data: edited, editedAt: timestamp };
  return messages.map((each) => (each === message ? changed : each));
}
