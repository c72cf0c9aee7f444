import { type Appended, type Message, NOBODY } from "../backplane/backplane.ts";
import { type Channel, toTidingsError, userChannel, userOf } from "../protocol/protocol.ts";
import { Clock } from "./clock.ts";
import { assertAckable, contentOf, type Draft, type DraftContent, type PublishOptions } from "./draft.ts";
import { Edits } from "./edits/edits.ts";
import { LoggedDuplicates } from "./idempotency/logged-duplicates.ts";
import { copyKey } from "./keys.ts";
import { AcceptedMessage, MessageIds } from "./message.ts";
import type { PublisherPorts, PublishKind, PublishTracing } from "./ports.ts";
import {
  countedReceipt,
  duplicateOf,
  duplicateReceipt,
  EphemeralReceipt,
  type Receipt,
  receiptOf,
} from "./receipt.ts";
import { withRetry } from "./retry.ts";
import { append, relay } from "./traced/broker.ts";

const NO_OPTIONS: PublishOptions = {};

/** Publisher: the only way for a message to reach a channel. */
export class Publisher {
  /** Changes of stored messages. */
  readonly edits: Edits;
  readonly #ports: PublisherPorts;
  readonly #ids = new MessageIds();
  readonly #clock = new Clock();

  /** Absent without a message log. */
  readonly #duplicates: LoggedDuplicates | undefined;

  constructor(ports: PublisherPorts) {
    this.#ports = ports;
    this.edits = new Edits(ports);
    this.#duplicates = ports.log && new LoggedDuplicates(ports.log, ports.backplane.broker);
  }

  /**
   * Publishes a message.
   * @throws TidingsError `bad_request` for a bad type, data that is no JSON, or `ack` on anything but a stored
   * message to one user; `unavailable` while the backplane is unavailable
   */
  publish(draft: Draft, options: PublishOptions = NO_OPTIONS): Promise<Receipt> {
    return this.#ports.check === undefined
      ? this.#publishContent(draft, options, undefined)
      : this.#publishChecked(draft, options);
  }

  async #publishChecked(draft: Draft, options: PublishOptions): Promise<Receipt> {
    const checked = this.#checked(draft);
    return this.#publishContent(checked instanceof Promise ? await checked : checked, options, undefined);
  }

  /** Returns no promise for a schema that is synchronous: messages keep the order of the calls. */
  #checked<Given extends DraftContent>(draft: Given): Given | Promise<Given> {
    const data = this.#ports.check?.(draft.type, draft.data);
    return data instanceof Promise
      ? data.then((known) => ({ ...draft, data: known, body: undefined }))
      : { ...draft, data, body: undefined };
  }

  /** Tells whether this process has given the id to a message. */
  isOwn(id: string): boolean {
    return this.#ids.made(id) || this.edits.isOwn(id);
  }

  /**
   * Publishes a message that a user sends, whose data is checked already. Stored ones count towards the user's budget.
   * @throws TidingsError at once, before the user's next message: `rate_limited` when the budget is used up, and as `publish`
   */
  publishFrom(user: string, draft: Draft, options: PublishOptions): Promise<Receipt> {
    return this.#accept(draft, options, user, this.#ids.next());
  }

  /**
   * Publishes a message of a user to another one, and a copy to the user's own channel. The id of the copy is that of the message,
   * with `.copy` at its end: ids are unique.
   * @param except connection of the sender that gets no copy
   * @throws TidingsError as `publishFrom`, also when only the copy fails: a repeat under the same key completes both
   */
  publishCopied(user: string, draft: Draft, options: PublishOptions, except: string): Promise<Receipt> {
    const id = this.#ids.next();
    const channel = userChannel(user);
    const copy = { ...draft, channel, except: [except], recipient: userOf(draft.channel) };
    const sent = this.#accept(draft, options, user, id);
    const copied = this.#publishContent(copy, { key: copyKey(options.key) }, user, `${id}.copy`);
    return Promise.all([sent, copied]).then(([receipt]) => receipt);
  }

  #publishContent(
    draft: Draft,
    options: PublishOptions,
    sender: string | undefined,
    id = this.#ids.next(),
  ): Promise<Receipt> {
    // Not async: a pending publish has its promise already, and an async function would add another one.
    try {
      return this.#accept(draft, options, sender, id);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  #accept(draft: Draft, options: PublishOptions, sender: string | undefined, id: string): Promise<Receipt> {
    const ephemeral = this.#isEphemeral(draft.channel, draft);
    if (ephemeral) this.#ports.assertEphemeral?.();
    const content = contentOf(draft, this.#ports.backplane.now());
    if (sender !== undefined && !ephemeral) {
      this.#ports.senders.charge(sender, Buffer.byteLength(content.body), this.#clock.now());
    }
    const message = new AcceptedMessage(id, draft.channel, content);
    const { tracing } = this.#ports;
    const receipt =
      tracing === undefined
        ? this.#publish(message, ephemeral, options)
        : this.#publishTraced(tracing, message, ephemeral, options);
    return receipt instanceof Promise ? receipt : Promise.resolve(receipt);
  }

  /**
   * Publishes one content to each of several channels; its data is encoded once. Receipts come in the order of the
   * channels.
   * @throws TidingsError the first error, as `publish`; the other channels get the content
   */
  async publishEach(
    channels: readonly Channel[],
    draft: DraftContent,
    optionsOf: (index: number) => PublishOptions,
  ): Promise<Receipt[]> {
    if (channels.every((channel) => this.#isEphemeral(channel, draft))) this.#ports.assertEphemeral?.();
    const content = contentOf(
      this.#ports.check === undefined ? draft : await this.#checked(draft),
      this.#ports.backplane.now(),
    );
    const accepted = (channel: Channel) => new AcceptedMessage(this.#ids.next(), channel, content, true);
    const publish = (message: AcceptedMessage, index: number) =>
      this.#publish(message, this.#isEphemeral(message.channel, draft), optionsOf(index));
    const { tracing } = this.#ports;
    if (tracing === undefined)
      return all(channels.map((channel, index) => publish(accepted(channel), index)));
    const messages = channels.map(accepted);
    return tracing.publish(messages, () => all(messages.map(publish)));
  }

  /** A function of its own: a closure makes V8 allocate a context at each call of the function around it. */
  #publishTraced(
    tracing: PublishTracing,
    message: AcceptedMessage,
    ephemeral: boolean,
    options: PublishOptions,
  ): Receipt | Promise<Receipt> {
    return tracing.publish([message], () => this.#publish(message, ephemeral, options));
  }

  #isEphemeral(channel: Channel, { ephemeral = false }: DraftContent): boolean {
    return ephemeral || (this.#ports.isUnstored?.(channel) ?? false);
  }

  #publish(message: Message, ephemeral: boolean, options: PublishOptions): Receipt | Promise<Receipt> {
    if (options.ack) assertAckable(message.channel, ephemeral);
    return options.ack || options.count
      ? this.#counted(message, ephemeral, options)
      : this.#repeated(message, ephemeral, options);
  }

  /** Asks the other nodes for their reports before the message goes to them, and adds these to the receipt. */
  async #counted(message: Message, ephemeral: boolean, options: PublishOptions): Promise<Receipt> {
    const tally = this.#ports.backplane.broker.tally(message)?.catch(() => undefined);
    const receipt = await this.#repeated(message, ephemeral, options);
    return countedReceipt(receipt, await tally);
  }

  #repeated(message: Message, ephemeral: boolean, options: PublishOptions): Receipt | Promise<Receipt> {
    if (options.retry === undefined) return this.#attempt(message, ephemeral, options);
    const key = options.key ?? message.id;
    return withRetry(options.retry, async () => this.#attempt(message, ephemeral, { ...options, key }));
  }

  /** Makes one attempt, by one of the five cases below. */
  #attempt(message: Message, ephemeral: boolean, options: PublishOptions): Receipt | Promise<Receipt> {
    const { key } = options;
    if (options.ack) return this.#acknowledged(message, options);
    if (ephemeral) return key === undefined ? this.#ephemeral(message) : this.#ephemeralOnce(message, key);
    return key === undefined ? this.#stored(message) : this.#storedOnce(message, key);
  }

  /** Case 1, ephemeral: completes within this call, without a promise, when no other node has receivers. */
  #ephemeral(message: Message): Receipt | Promise<Receipt> {
    let receipt: Receipt | Promise<Receipt>;
    try {
      receipt = this.#deliver(message);
    } catch (thrown) {
      return this.#failed(message, thrown);
    }
    if (!(receipt instanceof Promise)) return this.#published("ephemeral", undefined, message, receipt);
    const started = this.#clock.now(); // only here, because most ephemeral messages need no clock
    return receipt.then(
      (known) => this.#published("ephemeral", started, message, known),
      (thrown) => this.#failed(message, thrown),
    );
  }

  /** Case 2, ephemeral with a key: a duplicate delivers nothing and gets the first receipt. */
  async #ephemeralOnce(message: Message, key: string): Promise<Receipt> {
    const { idempotency } = this.#ports.backplane;
    const started = this.#clock.now();
    try {
      const first = await idempotency.begin(key, JSON.stringify(new EphemeralReceipt(message, NOBODY, 0)));
      if (first !== undefined) return duplicateReceipt(first);
      const receipt = await this.#deliver(message);
      await idempotency.complete(key, JSON.stringify(receipt));
      return this.#published("ephemeral", started, message, receipt);
    } catch (thrown) {
      return this.#failed(message, thrown);
    }
  }

  /**
   * Case 3, stored: the backplane delivers. A message that awaits its offset holds two functions and a promise, no
   * more, because the garbage collector copies them.
   */
  #stored(message: Message): Promise<Receipt> {
    const started = this.#clock.now();
    return append(this.#ports, message).then(
      (appended) => this.#appended(message, started, appended),
      (thrown) => this.#notStored(message, thrown),
    );
  }

  /** Ends case 3. Under the policy `wait`, the publisher waits for receivers with full queues. */
  #appended(message: Message, started: number, appended: Appended): Receipt | Promise<Receipt> {
    const drained = this.#ports.deliverer.room(message.channel);
    if (drained === undefined) return this.#confirmed(message, started, receiptOf(appended));
    return drained.then(() => this.#confirmed(message, started, receiptOf(appended)));
  }

  #confirmed(message: Message, started: number, receipt: Receipt): Receipt {
    this.#ports.log?.stored(message, receipt);
    return this.#published("stored", started, message, receipt);
  }

  /** Case 4, stored with a key: a duplicate appends nothing and gets the first receipt. */
  async #storedOnce(message: Message, key: string): Promise<Receipt> {
    const { idempotency } = this.#ports.backplane;
    const started = this.#clock.now();
    this.#duplicates?.begin(message);
    try {
      const appended = await append(this.#ports, message, key);
      if (appended.duplicate) {
        this.#duplicates?.found(message, appended);
        return duplicateOf(appended);
      }
      const drained = this.#ports.deliverer.room(message.channel);
      if (drained !== undefined) await drained;
      const receipt = receiptOf(appended);
      this.#ports.log?.stored(message, receipt);
      await idempotency.complete(key, JSON.stringify(receipt));
      return this.#published("stored", started, message, receipt);
    } catch (thrown) {
      return this.#notStored(message, thrown);
    } finally {
      this.#duplicates?.end(message);
    }
  }

  /** Case 5, stored and acknowledged. With a key, duplicates get the acknowledged receipt too. */
  async #acknowledged(message: Message, options: PublishOptions): Promise<Receipt> {
    const { key, timeoutMs = this.#ports.ackTimeoutMs, late } = options;
    const expectation = this.#ports.acks.expect(message.channel);
    let goesOn = false;
    try {
      const receipt = await (key === undefined ? this.#stored(message) : this.#storedOnce(message, key));
      if (receipt.duplicate && receipt.state === "acked") return receipt;
      const acked = await expectation.reached(receipt.offset ?? 0, timeoutMs);
      const answered: Receipt = { ...receipt, state: acked ? "acked" : "stored" };
      if (key !== undefined) await this.#ports.backplane.idempotency.complete(key, JSON.stringify(answered));
      goesOn = !acked && late !== undefined;
      if (goesOn) late?.(expectation, receipt);
      return answered;
    } finally {
      if (!goesOn) expectation.stop();
    }
  }

  /** Delivers an ephemeral message here and relays it to other nodes. The policy `wait` waits for full queues. */
  #deliver(message: Message): Receipt | Promise<Receipt> {
    const { deliverer } = this.#ports;
    const here = deliverer.deliver(message);
    const nodes = relay(this.#ports, message);
    const drained = deliverer.room(message.channel);
    if (typeof nodes === "number" && drained === undefined) return new EphemeralReceipt(message, here, nodes);
    return Promise.all([nodes, drained]).then(([reached]) => new EphemeralReceipt(message, here, reached));
  }

  /** @param started absent when the publish completed within the call, which counts as 0 s */
  #published(kind: PublishKind, started: number | undefined, message: Message, receipt: Receipt): Receipt {
    const durationMs = started === undefined ? 0 : this.#clock.now() - started;
    this.#ports.meter.published(kind, durationMs / 1_000);
    this.#ports.delivered(message, receipt);
    return receipt;
  }

  #notStored(message: Message, thrown: unknown): Promise<never> {
    this.#ports.log?.failed(message, toTidingsError(thrown));
    return this.#failed(message, thrown);
  }

  #failed({ channel, from: user }: Message, thrown: unknown): Promise<never> {
    const error = toTidingsError(thrown);
    this.#ports.meter.failed(error);
    this.#ports.recorder?.failed(channel, error, { user });
    return Promise.reject(thrown);
  }
}

/** Waits only where there is something to wait for. */
const all = (receipts: readonly (Receipt | Promise<Receipt>)[]): Receipt[] | Promise<Receipt[]> =>
  receipts.every(isReceipt) ? [...receipts] : Promise.all(receipts);

const isReceipt = (receipt: Receipt | Promise<Receipt>): receipt is Receipt => !(receipt instanceof Promise);

export { Acks, type Expectation, LateAcks } from "./acks.ts";
export { APPLICATION, HistoryReads, UserReader } from "./budgets/reads.ts";
export { SenderBudgets } from "./budgets/senders.ts";
export { Deliverer, type DeliverMeter } from "./deliver.ts";
export type { Draft, PublishOptions } from "./draft.ts";
export type { MessageName } from "./edits/edits.ts";
export { type HistoryQuery, historyPage } from "./history-page.ts";
export type {
  ConnectRequest,
  HookEvents,
  HookName,
  IncomingMessage,
  Listener,
  PublishedMessage,
  RefusedClient,
} from "./hooks.ts";
export { Hooks, refuse } from "./hooks.ts";
export { applicationKey, userKey } from "./keys.ts";
export type { ListenEvent, ListenFrom } from "./listening/listener.ts";
export { Listeners } from "./listening/listeners.ts";
export type { Replayed } from "./listening/start.ts";
export type { PublishLog, PublishMeter } from "./ports.ts";
export { bareEpoch, PositionGuard, PositionKey, positionText } from "./positions/positions.ts";
export type { Attempt, Receipt } from "./receipt.ts";
export { claimOf, LAST_VALUE, Replay, type ReplayFrom } from "./replay.ts";
export { type Retry, RetryError } from "./retry.ts";
