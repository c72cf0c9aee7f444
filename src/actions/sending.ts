import type { StoredMessage } from "../backplane/backplane.ts";
import type { Connection } from "../local/local.ts";
import {
  type Channel,
  type ClientMessage,
  channelOf,
  isUserChannel,
  TidingsError,
  targetOf,
  userChannel,
} from "../protocol/protocol.ts";
import {
  type Expectation,
  type Hooks,
  type IncomingMessage,
  LateAcks,
  type MessageName,
  type Publisher,
  type Receipt,
  userKey,
} from "../publish/publish.ts";
import type { Policy } from "./policy/policy.ts";

/** A message of a client, or an edit of one, before the hook. */
type Incoming = IncomingMessage & { readonly body?: string | undefined };

/** Message of a client to be sent. `body` is the data as the client wrote it. */
interface Content {
  readonly type: string;
  readonly data: unknown;
  readonly body?: string | undefined;
}

export interface SendingPorts {
  readonly publisher: Publisher;
  readonly hooks: Hooks;
  readonly policy: Pick<Policy, "assert">;
  /** Checks the data of a message against its declaration, and returns what to send. @default no declaration */
  readonly check?: ((type: string, data: unknown) => unknown) | undefined;
}

/** Prepares a client's message for the publisher: policy, `message` hook, and `from` set by the server. */
export class Sending {
  readonly #ports: SendingPorts;

  constructor(ports: SendingPorts) {
    this.#ports = ports;
  }

  /**
   * @returns a function that publishes the message
   * @throws TidingsError `forbidden` by the policy, `bad_request` by the declaration, or the error that the message hook throws
   */
  async prepare(connection: Connection, message: ClientMessage): Promise<() => Promise<Receipt>> {
    const { publisher, policy } = this.#ports;
    const channel = channelOf(message);
    await policy.assert(connection, "send", channel);
    const { type, data, body } = await this.#checked(connection, message);
    const { ephemeral, ack, timeoutMs, count } = message;
    const { user, id } = connection;
    const key = userKey(user, message.key);
    const isOwn = channel === userChannel(user);
    const except = message.echo || (isUserChannel(channel) && !isOwn) ? undefined : [id];
    const draft = { channel, type, data, body, from: user, ephemeral, except };
    const late = ack ? lateAcks(connection, channel) : undefined;
    const options = { key, ack, timeoutMs, count, late };
    return message.copy && !isOwn
      ? () => publisher.publishCopied(user, draft, options, id)
      : () => publisher.publishFrom(user, draft, options);
  }

  /**
   * Edits a message that the client's user has sent.
   * @throws TidingsError as {@link prepare}, `forbidden` for a message of somebody else, and as `Edits.find` and `Edits.edit`
   */
  async edit(
    connection: Connection,
    channel: Channel,
    { data, body, ...name }: MessageName & Omit<Content, "type">,
  ): Promise<Receipt> {
    // New text is like a new message: who may not write any more, may not write this.
    await this.#ports.policy.assert(connection, "send", channel);
    const message = await this.#own(connection, channel, name, "find");
    const { offset, id, type } = message;
    const incoming = { type, data, body, ...targetOf(channel), ephemeral: false, edits: { offset, id } };
    const content = await this.#checked(connection, incoming);
    return this.#ports.publisher.edits.edit(message, content, { from: connection.user, isClient: true });
  }

  /** Deletes a message that the client's user has sent. @throws TidingsError as {@link edit} */
  async delete(connection: Connection, channel: Channel, name: MessageName): Promise<Receipt> {
    const message = await this.#own(connection, channel, name, "findToDelete");
    return this.#ports.publisher.edits.delete(message, { from: connection.user, isClient: true });
  }

  async #own(
    connection: Connection,
    channel: Channel,
    name: MessageName,
    find: "find" | "findToDelete",
  ): Promise<StoredMessage> {
    await this.#ports.policy.assert(connection, "edit", channel);
    const message = await this.#ports.publisher.edits[find](connection, channel, name);
    if (message.from === connection.user) return message;
    throw new TidingsError(
      "forbidden",
      `${connection.user} has not sent the message at offset ${name.offset}`,
    );
  }

  /** A hook gets data that is as declared. Its replacement is checked too. */
  async #checked(connection: Connection, message: Incoming): Promise<Content> {
    const { check } = this.#ports;
    if (check === undefined) return this.#withHook(connection, message);
    const data = await check(message.type, message.data);
    const replaced = await this.#withHook(connection, { ...message, data, body: undefined });
    // An edit keeps the type of its message, whatever the hook says.
    const type = message.edits === undefined ? replaced.type : message.type;
    if (type === message.type && replaced.data === data) return replaced;
    return { type, data: await check(type, replaced.data) };
  }

  async #withHook(connection: Connection, message: Incoming): Promise<Content> {
    const { hooks } = this.#ports;
    let { type, data, body } = message;
    if (!hooks.has("message")) return { type, data, body };
    const { to, group, ephemeral, edits } = message;
    for (const answer of await hooks.ask("message", {
      connection,
      message: { type, data, to, group, ephemeral, ...(edits && { edits }) },
    })) {
      if (typeof answer !== "object" || answer === null) continue;
      if ("type" in answer && typeof answer.type === "string") type = answer.type;
      if (!("data" in answer)) continue;
      data = answer.data;
      body = undefined;
    }
    return { type, data, body };
  }
}

const lateAcks =
  (connection: Connection, channel: Channel) =>
  (wait: Expectation, receipt: Receipt): void =>
    connection.attached(LateAcks).add(connection, channel, wait, receipt);
