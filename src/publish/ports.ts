import type { Backplane, Message, MessageEdit } from "../backplane/backplane.ts";
import type { Channel, TidingsError } from "../protocol/protocol.ts";
import type { Acks } from "./acks.ts";
import type { HistoryReads } from "./budgets/reads.ts";
import type { SenderBudgets } from "./budgets/senders.ts";
import type { Deliverer } from "./deliver.ts";
import type { AcceptedMessage } from "./message.ts";
import type { Receipt } from "./receipt.ts";

export interface PublisherPorts {
  readonly backplane: Backplane;
  readonly deliverer: Deliverer;
  readonly acks: Acks;
  /** Reads of histories, within their budgets. */
  readonly reads: HistoryReads;
  readonly senders: SenderBudgets;
  /**
   * Asked before each ephemeral message. @default nothing
   * @throws TidingsError `unavailable` while the node sheds them
   */
  readonly assertEphemeral?: () => void;
  /** True for channels whose messages are not stored. @default no channel */
  readonly isUnstored?: ((channel: Channel) => boolean) | undefined;
  /** True for last-value channels. @default no channel */
  readonly isLastValue?: ((channel: Channel) => boolean) | undefined;
  /**
   * Checks the data of the application's messages against their declaration, and returns what to send; a promise for an
   * asynchronous schema. @default no declaration
   * @throws TidingsError `bad_request`
   */
  readonly check?: ((type: string, data: unknown) => unknown) | undefined;
  /** Timeout of an acknowledgement, for publishes that give none, in milliseconds. */
  readonly ackTimeoutMs: number;
  /** Called with every published message. */
  readonly delivered: (message: Message, receipt: Receipt) => void;
  readonly meter: PublishMeter;
  /** The message log. @default none */
  readonly log?: PublishLog | undefined;
  /** The flight recorder. @default none */
  readonly recorder?: PublishRecorder | undefined;
  /** @default nothing is traced */
  readonly tracing?: PublishTracing | undefined;
}

/** Flight recorder, as the publisher sees it. Its calls return at once and never throw. */
export interface PublishRecorder {
  /** Records a message that was not published. @param sender absent for the application */
  failed(channel: Channel, error: TidingsError, sender?: { readonly user?: string | undefined }): void;
}

/** Message log, as the publisher sees it. Its calls return at once and never throw. */
export interface PublishLog {
  /** Adds a stored message, once it is confirmed. */
  stored(message: Message, receipt: Receipt): void;
  /** Adds a publish of a stored message that failed. */
  failed(message: Message, error: TidingsError): void;
  /** Adds an edit or a deletion of a stored message, with the receipt of its notice. */
  changed(message: Message, edit: MessageEdit, receipt: Receipt): void;
}

/** Traces of publishes. Without one nothing is done, and nothing is allocated. */
export interface PublishTracing {
  /** Publishes messages with one content. When the publish is sampled, they get its context as `trace`. */
  publish<Published extends Receipt | readonly Receipt[]>(
    messages: readonly AcceptedMessage[],
    work: () => Published | Promise<Published>,
  ): Published | Promise<Published>;
  append<Result>(message: Message, work: () => Promise<Result>): Promise<Result>;
  /**
   * Called when an ephemeral message was handed to the backplane.
   * @param nodes other nodes to which it goes
   * @param startedAt by the monotonic clock, in milliseconds
   */
  relayed(message: Message, nodes: number, startedAt: number): void;
}

export type PublishKind = "stored" | "ephemeral";

/** Meter of publishes. */
export interface PublishMeter {
  /** Counts a publish and its duration, without the wait for an acknowledgement; 0: it completed within the call. */
  published(kind: PublishKind, seconds: number): void;
  failed(error: TidingsError): void;
}
