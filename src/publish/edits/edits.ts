import {
  type HistoryPage,
  type MessageEdit,
  messageGone,
  type StoredMessage,
} from "../../backplane/backplane.ts";
import {
  type Channel,
  DELETED,
  EDITED,
  encodeJson,
  isNotice,
  TidingsError,
  toTidingsError,
} from "../../protocol/protocol.ts";
import type { Reader } from "../budgets/reads.ts";
import { Clock } from "../clock.ts";
import { AcceptedMessage, MessageIds } from "../message.ts";
import type { PublisherPorts } from "../ports.ts";
import { type Receipt, receiptOf } from "../receipt.ts";

/** Names a stored message of a channel. A push and a receipt have both: the offset finds the message, and the id proves it. */
export interface MessageName {
  readonly offset: number;
  readonly id: string;
}

/** Origin of a change of a message: a user, or the application. */
export interface Editor {
  /** The user in whose name it is changed; absent for the application. */
  readonly from?: string | undefined;
  /** True for a change that the user asks for: it counts towards the user's budget of stored bytes. @default false */
  readonly isClient?: boolean;
}

/** New data of a message. */
export interface NewData {
  readonly data?: unknown;
  /** The data as JSON text, as its sender wrote it. @default `data` is encoded */
  readonly body?: string | undefined;
}

interface NoticedEdit extends MessageEdit {
  readonly notice: AcceptedMessage;
}

/** Messages of a read that looks for a notice. */
const PAGE = 500;

/**
 * Changes stored messages where they lie. A change is told by a notice, which is itself a stored message of the channel: it comes in order,
 * after the message, and also to those who were away.
 */
export class Edits {
  readonly #ports: PublisherPorts;
  readonly #ids = new MessageIds();
  readonly #clock = new Clock();

  constructor(ports: PublisherPorts) {
    this.#ports = ports;
  }

  /** Tells whether this process has given the id to a notice. */
  isOwn(id: string): boolean {
    return this.#ids.made(id);
  }

  /**
   * Finds a message to change. The read counts towards the budgets of the reader, like every other read of a history.
   * @throws TidingsError `not_found` when it is not retained, deleted, or no message that was published; `conflict` in a last-value
   * channel, whose notice would take the place of the value; `unavailable` while too many reads wait, and without the backplane
   */
  async find(reader: Reader, channel: Channel, name: MessageName): Promise<StoredMessage> {
    return messageIn(await this.#page(reader, channel, name), channel, name);
  }

  /**
   * Finds what a deletion takes the data from: the message, or the notice of its last edit where the history retains only that one. Its
   * `from` is then the editor. The whole history is read for it.
   * @throws TidingsError as {@link find}
   */
  async findToDelete(reader: Reader, channel: Channel, name: MessageName): Promise<StoredMessage> {
    const page = await this.#page(reader, channel, name);
    if (page.first <= name.offset) return messageIn(page, channel, name);
    const opening = noticeOpening(name);
    for (let next = page; next.messages.length > 0; ) {
      const notice = next.messages.find(({ type, body }) => type === EDITED && body.startsWith(opening));
      if (notice !== undefined) return notice;
      const after = next.messages.at(-1)?.offset ?? next.last;
      next = await this.#ports.reads.read(reader, channel, { after, limit: PAGE });
    }
    throw messageGone(channel, name.offset);
  }

  /** Reads the message, or the oldest one where it is no longer retained. */
  async #page(reader: Reader, channel: Channel, { offset }: MessageName): Promise<HistoryPage> {
    if (this.#ports.isLastValue?.(channel))
      throw new TidingsError(
        "conflict",
        `${channel} keeps its newest message only: publish the new value in place of an edit`,
      );
    if (!Number.isSafeInteger(offset) || offset < 1) throw messageGone(channel, offset);
    const { reads } = this.#ports;
    reads.assertRoom();
    return reads.read(reader, channel, { after: offset - 1, limit: 1 });
  }

  /**
   * Replaces the data of a message.
   * @returns the receipt of the notice
   * @throws TidingsError `bad_request` for data that is no JSON, or not as declared for the message's type; `not_found` when the message
   * has gone meanwhile; `rate_limited` when the user's budget is used up; `unavailable` while the backplane is unavailable
   */
  async edit(message: StoredMessage, { data, body }: NewData, editor: Editor = {}): Promise<Receipt> {
    // Data of clients are checked before the hook, and a schema may change them: twice would be once too often.
    const check = editor.isClient === true ? undefined : this.#ports.check;
    const checked = check === undefined ? data : await check(message.type, data);
    const text = (check === undefined ? body : undefined) ?? encodeJson(checked);
    return this.#change(message, text, editor);
  }

  /**
   * Deletes the data of a message.
   * @param message as {@link findToDelete} finds it
   * @returns the receipt of the notice
   * @throws TidingsError as {@link edit}
   */
  async delete(message: StoredMessage, editor: Editor = {}): Promise<Receipt> {
    return this.#change(message, null, editor);
  }

  async #change(message: StoredMessage, body: string | null, editor: Editor): Promise<Receipt> {
    const { deliverer, delivered, log, meter, senders } = this.#ports;
    const started = this.#clock.now();
    const { from, isClient = false } = editor;
    if (isClient && from !== undefined) senders.charge(from, Buffer.byteLength(body ?? ""), started);
    const edit = this.#editOf(message, body, from);
    try {
      const receipt = await this.#append(edit);
      await deliverer.room(message.channel);
      log?.changed({ ...message, id: namedBy(message).id }, edit, receipt);
      meter.published("stored", (this.#clock.now() - started) / 1_000);
      delivered(edit.notice, receipt);
      return receipt;
    } catch (thrown) {
      meter.failed(toTidingsError(thrown));
      throw thrown;
    }
  }

  async #append(edit: NoticedEdit): Promise<Receipt> {
    const { backplane, tracing } = this.#ports;
    const append = async (): Promise<Receipt> => receiptOf(await backplane.broker.edit(edit));
    return tracing === undefined ? append() : tracing.publish([edit.notice], append);
  }

  /** The notice goes to those who may have the message. Connections that it left out had it from a reply: they are told as well. */
  #editOf(message: StoredMessage, body: string | null, from: string | undefined): NoticedEdit {
    const { channel, epoch, offset, platforms, recipient } = message;
    const content = {
      type: body === null ? DELETED : EDITED,
      body: noticeBody(namedBy(message), body),
      timestamp: this.#ports.backplane.now(),
      ...{ from, platforms, recipient },
    };
    return {
      notice: new AcceptedMessage(this.#ids.next(), channel, content),
      epoch,
      offset,
      id: message.id,
      body,
    };
  }
}

/** @throws TidingsError `not_found` */
function messageIn({ messages: [message] }: HistoryPage, channel: Channel, name: MessageName): StoredMessage {
  const isThere = message?.offset === name.offset && message.id === name.id;
  if (!isThere || message.change?.deleted || isNotice(message.type)) throw messageGone(channel, name.offset);
  return message;
}

/** The message that a notice tells of. */
interface Noticed extends MessageName {
  readonly type: string;
}

/** Names a message; a notice names the one that it tells of. */
const namedBy = (message: StoredMessage): Noticed =>
  isNotice(message.type) ? (JSON.parse(message.body) as Noticed) : message; // written by noticeBody

function noticeBody({ offset, id, type }: Noticed, body: string | null): string {
  const text = JSON.stringify({ offset, id, type });
  return body === null ? text : `${text.slice(0, -1)},"data":${body}}`;
}

/** Beginning of the body of each notice of a message, as {@link noticeBody} writes it. */
const noticeOpening = ({ offset, id }: MessageName): string =>
  `${JSON.stringify({ offset, id }).slice(0, -1)},`;
