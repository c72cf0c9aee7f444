import type { Channel, ReceiptState } from "../protocol/protocol.ts";

/** Fields that every record of the message log has. */
interface Common {
  /** Unique in the cluster: a sink that gets a record twice keeps one. Of a stored message it is the message's id. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Id of the node where it happened. */
  readonly node: string;
}

/** A stored message with its receipt, from the node that published it. */
export interface StoredRecord extends Common {
  readonly kind: "stored";
  /** `all`, `user:<id>` or `group:<id>`. */
  readonly channel: Channel;
  /** User who sent it; absent when the application did. */
  readonly from?: string | undefined;
  readonly type: string;
  /** The data as JSON text, as its sender wrote it. */
  readonly data: string;
  /** Only for connections on these platforms. */
  readonly platforms?: readonly string[] | undefined;
  readonly epoch: string;
  readonly offset: number;
  readonly state: ReceiptState;
  /** Connections of the node that took it. */
  readonly connections: number;
  /** Other nodes to which it was sent. */
  readonly nodes: number;
}

/** A publish of a stored message that failed. The history may have the message all the same: its confirmation is missing. */
export interface FailedRecord extends Common {
  readonly kind: "failed";
  /** Id of the message. */
  readonly message: string;
  readonly channel: Channel;
  readonly from?: string | undefined;
  readonly type: string;
  /** Code of the error. */
  readonly code: string;
  readonly reason: string;
}

/** An edit of a stored message. The databases put the new data in the place of the old one. */
export interface EditedRecord extends Common {
  readonly kind: "edited";
  /** Id of the message. */
  readonly message: string;
  readonly channel: Channel;
  /** User in whose name it was edited; absent for the application. */
  readonly from?: string | undefined;
  /** Offset of the notice: the highest one of a message has its present data. */
  readonly offset: number;
  /** The new data as JSON text. */
  readonly data: string;
}

/** A deletion of a stored message. The databases take out its data. */
export interface DeletedRecord extends Omit<EditedRecord, "kind" | "data"> {
  readonly kind: "deleted";
}

/** Full send queues of a node that refused a stored message. */
export interface DroppedRecord extends Common {
  readonly kind: "dropped";
  readonly message: string;
  readonly channel: Channel;
  /** Connections that did not get it. */
  readonly count: number;
}

/** A cursor move: a device has acknowledged a channel up to an offset. */
export interface AcknowledgedRecord extends Common {
  readonly kind: "acknowledged";
  readonly channel: Channel;
  readonly user: string;
  readonly device: string;
  readonly offset: number;
}

/** Records that are missing here, because the queue was full or the sink refused them. */
export interface GapRecord extends Common {
  readonly kind: "gap";
  readonly count: number;
  /** Time of the first record that is missing, and of the last one. */
  readonly since: number;
  readonly until: number;
  readonly reason: string;
}

/** One record of the message log: a stored message, or an outcome. */
export type LogRecord = StoredRecord | OutcomeRecord;

export type OutcomeRecord =
  | FailedRecord
  | EditedRecord
  | DeletedRecord
  | DroppedRecord
  | AcknowledgedRecord
  | GapRecord;

/** An outcome before it has its id and its node. */
export type Outcome = WithoutIdentity<OutcomeRecord>;

type WithoutIdentity<Each> = Each extends OutcomeRecord ? Omit<Each, "id" | "node"> : never;

/** A message as the log needs it. */
export interface LoggedMessage {
  readonly id: string;
  readonly type: string;
  /** JSON text. */
  readonly body: string;
  readonly timestamp: number;
  readonly from?: string | undefined;
  readonly channel: Channel;
  readonly platforms?: readonly string[] | undefined;
}

/** An edit or a deletion as the log needs it. */
export interface LoggedEdit {
  readonly notice: Pick<LoggedMessage, "from" | "timestamp">;
  /** The new data as JSON text; null: it is deleted. */
  readonly body: string | null;
}

/** A receipt as the log needs it. */
export interface LoggedReceipt {
  readonly state: ReceiptState;
  readonly epoch?: string | undefined;
  readonly offset?: number | undefined;
  readonly connections: number;
  readonly nodes: number;
}

/** The record of a stored message. A class, because spreading literals into another one takes ten times as long. */
export class MessageRecord implements StoredRecord {
  readonly kind = "stored";
  readonly id: string;
  readonly timestamp: number;
  readonly node: string;
  readonly channel: Channel;
  readonly from: string | undefined;
  readonly type: string;
  readonly data: string;
  readonly platforms: readonly string[] | undefined;
  readonly epoch: string;
  readonly offset: number;
  readonly state: ReceiptState;
  readonly connections: number;
  readonly nodes: number;

  constructor(message: LoggedMessage, receipt: LoggedReceipt, node: string) {
    this.id = message.id;
    this.timestamp = message.timestamp;
    this.node = node;
    this.channel = message.channel;
    this.from = message.from;
    this.type = message.type;
    this.data = message.body;
    this.platforms = message.platforms;
    this.epoch = receipt.epoch ?? "";
    this.offset = receipt.offset ?? 0;
    this.state = receipt.state;
    this.connections = receipt.connections;
    this.nodes = receipt.nodes;
  }
}
