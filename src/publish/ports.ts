import type { Backplane, Message } from "../backplane/backplane.ts";
import type { TidingsError } from "../protocol/protocol.ts";
import type { Acks } from "./acks.ts";
import type { Deliverer } from "./deliver.ts";
import type { Receipt } from "./receipt.ts";

export interface PublisherPorts {
  readonly backplane: Backplane;
  readonly deliverer: Deliverer;
  readonly acks: Acks;
  /** Timeout of an acknowledgement, for publishes that give none, in milliseconds. */
  readonly ackTimeoutMs: number;
  /** Called with every message that was published. */
  readonly delivered: (message: Message, receipt: Receipt) => void;
  readonly meter: PublishMeter;
}

export type PublishKind = "stored" | "ephemeral";

/** Counts what is published. */
export interface PublishMeter {
  /** A publish has ended well after so many seconds, without any wait for an acknowledgement; 0: done within the call. */
  published(kind: PublishKind, seconds: number): void;
  failed(error: TidingsError): void;
}
