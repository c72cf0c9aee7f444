import type {
  Channel,
  Claims,
  ClientConnection,
  CloseCause,
  ConnectionInfo,
  Position,
} from "../protocol/protocol.ts";
import { CLOSE } from "../protocol/protocol.ts";
import type { Attachment } from "./attachment.ts";
import { type Compression, deflateFrame, PING_FRAME, textFrame, textFrames } from "./frame.ts";
import { Missed } from "./gaps/missed.ts";
import { Hold, type HoldLimits } from "./hold.ts";
import { LoginState, NO_CLAIMS } from "./login/login.ts";
import { type ByteStream, Outbox, type OutboxOwner, type Verdict } from "./outbox.ts";
import type { Packet } from "./packet.ts";
import type { Batch } from "./pending.ts";

/** Port to a WebSocket: the raw stream to write frames to, and control over reading and closing. */
export interface Transport {
  readonly stream: ByteStream;
  /** True when the client agreed to permessage-deflate. */
  readonly deflate: boolean;
  /** Starts the closing handshake. */
  close(code: number, reason: string): void;
  /** Ends the socket at once. */
  terminate(): void;
  /** True while the server does not read. */
  readonly isPaused: boolean;
  /** Stops and resumes reading. */
  pause(): void;
  resume(): void;
}

/** `open` takes messages; `closing` waits for the client's part of the closing handshake; `closed` has no socket. */
export type ConnectionState = "open" | "closing" | "closed";

/** The shard of a connection, as the connection uses it. */
export interface ConnectionOwner extends OutboxOwner<Connection> {
  /** Compression for connections that agreed to it. */
  readonly compression: Compression;
  /** Called when a connection that has missed nothing misses its first stored message. */
  missed(connection: Connection): void;
  /** Called with each message that a connection's full queue dropped. */
  dropped(connection: Connection): void;
}

const NO_GROUPS: readonly string[] = [];

/** One WebSocket of one user on this node, and the only way to its send queue and its socket. */
export class Connection implements ClientConnection {
  readonly id: string;
  readonly user: string;
  readonly platform: string;
  readonly device: string;
  readonly node: string;
  readonly connectedAt: number;
  readonly address: string;
  readonly transport: Transport;
  /** Copied from the transport, because every delivery reads it. */
  readonly deflate: boolean;
  readonly #outbox: Outbox<ConnectionOwner, Connection>;
  state: ConnectionState = "open";
  /** Groups that this connection has joined. */
  groups: readonly string[] = NO_GROUPS;
  /** Holds of the channels in replay. Undefined almost always, so that a delivery checks one field. */
  holds: Map<Channel, Hold> | undefined;
  /** Stored messages that were dropped, until the client is told of them; undefined almost always. */
  missed: Missed | undefined;
  /** Cause of the close by the server; undefined before it. */
  closeCause: CloseCause | undefined;
  /** `bytesRead` of the stream at the heartbeat's last check. */
  bytesSeen = 0;
  /** When the heartbeat last found new bytes, by the monotonic clock. */
  heardAt = performance.now();
  pingedAt = this.heardAt;
  #attachments: Attachment | undefined;

  constructor(identity: ConnectionInfo, transport: Transport, owner: ConnectionOwner) {
    this.id = identity.id;
    this.user = identity.user;
    this.platform = identity.platform;
    this.device = identity.device;
    this.node = identity.node;
    this.connectedAt = identity.connectedAt;
    this.address = identity.address ?? "";
    this.transport = transport;
    this.deflate = transport.deflate;
    this.#outbox = new Outbox<ConnectionOwner, Connection>(owner, transport.stream, this);
  }

  /** State that another room keeps about this connection; undefined when {@link attached} has not made it yet. */
  attachment<State extends Attachment>(kind: new () => State): State | undefined {
    for (let each = this.#attachments; each !== undefined; each = each.next) {
      if (each.kind === kind) return each as State; // `kind` is the class that made it
    }
    return undefined;
  }

  /** State that another room keeps about this connection, made at the first call: idle connections have none. */
  attached<State extends Attachment>(kind: new () => State): State {
    const found = this.attachment(kind);
    if (found !== undefined) return found;
    const made = new kind();
    made.next = this.#attachments;
    this.#attachments = made;
    return made;
  }

  get claims(): Claims {
    return this.attachment(LoginState)?.claims ?? NO_CLAIMS;
  }

  /** True for a visitor who has logged in without credentials. */
  get isAnonymous(): boolean {
    return this.attachment(LoginState)?.isAnonymous ?? false;
  }

  /** True when the connection is a member of the channel `all`: every one is, but for visitors without a grant. */
  get receivesAll(): boolean {
    return this.attachment(LoginState)?.receivesAll ?? true;
  }

  get data(): Record<string, unknown> {
    return this.attached(LoginState).data;
  }

  /** Queues a text for this connection alone (reply, notice, position). The queue never drops it, and no broadcast holds it up. */
  send(text: string): void {
    const frame = textFrame(text);
    this.#outbox.enqueueAhead(this.deflate ? deflateFrame(frame, this.#outbox.owner.compression) : frame);
  }

  /** Queues texts as {@link send} does, in one piece of memory. Check {@link isFull} before the next ones. */
  sendTexts(texts: readonly string[]): void {
    if (this.deflate) for (const text of texts) this.send(text);
    else this.#outbox.enqueueAnyway(textFrames(texts), texts.length);
  }

  /** Queues a packet that must not be dropped, as {@link enqueueAnyway}. */
  sendPacket(packet: Packet): void {
    this.#outbox.enqueueAnyway(this.frameOf(packet));
  }

  /** The frame of a packet for this connection. */
  frameOf(packet: Packet): Buffer {
    return this.deflate ? packet.deflated(this.#outbox.owner.compression) : packet.plain;
  }

  /** Queues a frame that must not be dropped. It may exceed the bounds, so check {@link isFull} before the next one. */
  enqueueAnyway(frame: Buffer): void {
    this.#outbox.enqueueAnyway(frame);
  }

  /** Queues a message's frame; a full queue answers by its policy. */
  enqueue(frame: Buffer): Verdict {
    const verdict = this.#outbox.enqueue(frame);
    if (verdict === "overflow") this.close("slow");
    else if (verdict === "dropped") this.#outbox.owner.dropped(this);
    else if (verdict === "waiting") this.#outbox.onParkedDropped(() => this.#outbox.owner.dropped(this));
    return verdict;
  }

  /**
   * Queues the frames of one tick that this connection shares with others.
   * @returns whether all are queued
   */
  enqueueAll(batch: Batch): boolean {
    if (this.#outbox.enqueueBatch(batch)) return true;
    let all = true;
    for (const frame of batch.frames) if (this.enqueue(frame) !== "queued") all = false;
    return all;
  }

  /** True while frames wait for room: a frame that is queued now would overtake them. */
  get isParking(): boolean {
    return this.#outbox.isParking;
  }

  /** Queues the messages of this tick that are posted but not queued yet, before a frame that must follow them. */
  enqueuePosted(): void {
    this.#outbox.enqueuePosted();
  }

  /** True while the send queue reaches one of its bounds: stop reading requests. */
  get isFull(): boolean {
    return this.#outbox.isFull;
  }

  /**
   * Resolves when the frames that are queued now are written, or the connection is closed.
   * @param orTimeout also when the frames that wait for room time out. @default false
   */
  whenDrained(orTimeout?: boolean): Promise<void> {
    return this.#outbox.whenDrained(orTimeout);
  }

  /** When a busy socket last took bytes, by the monotonic clock; 0 while it takes everything. */
  get stalledSince(): number {
    return this.#outbox.stalledSince;
  }

  /** Messages in the send queue. */
  get pendingMessages(): number {
    return this.#outbox.pendingMessages;
  }

  /** Bytes in the send queue. */
  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  /** Bytes that the client has not taken: those of the send queue, and those of the socket. */
  get unsentBytes(): number {
    return this.#outbox.unsentBytes;
  }

  /** True when this connection's send queue is one of those. */
  sendsBy(outboxes: ReadonlySet<Outbox>): boolean {
    return outboxes.has(this.#outbox);
  }

  /** True until the tick's first write, which need not wait for the end of the tick. */
  get mayBegin(): boolean {
    return this.#outbox.mayBegin;
  }

  /** Writes the send queue before the tick ends. Later frames of the tick are collected for its end. */
  begin(): void {
    this.#outbox.begin();
  }

  /** Writes the send queue soon, also during a broadcast that takes many turns. */
  hurry(): void {
    this.#outbox.hurry();
  }

  ping(now: number): void {
    this.pingedAt = now;
    if (!this.#outbox.isFull) this.#outbox.enqueueAnyway(PING_FRAME);
  }

  /** Hold on a channel during its replay; undefined otherwise. */
  holdOf(channel: Channel): Hold | undefined {
    return this.holds?.get(channel);
  }

  /**
   * Records that a stored message was not queued, so that the client is told of it: on a quiet channel no later message
   * would show the gap.
   * @param position of the message; undefined when it is not known which ones are missing
   */
  miss(channel: Channel, position?: Position): void {
    if (this.state !== "open") return;
    const isFirst = this.missed === undefined;
    this.missed ??= new Missed();
    this.missed.add(channel, position);
    if (isFirst) this.#outbox.owner.missed(this);
  }

  /** Adds a function that is called when the message that was parked last times out. */
  onParkedDropped(dropped: () => void): void {
    this.#outbox.onParkedDropped(dropped);
  }

  /** True while a message may meet a full queue, or a queue that takes no more. */
  get mayRefuse(): boolean {
    return this.#outbox.stalledSince !== 0 || this.state !== "open";
  }

  /**
   * Holds live stored messages of a channel back until {@link release}. An earlier hold of the channel ends.
   */
  hold(channel: Channel, limits: HoldLimits): Hold {
    const hold = new Hold(limits);
    this.missed?.delete(channel);
    this.holds ??= new Map();
    this.holds.get(channel)?.clear();
    this.holds.set(channel, hold);
    return hold;
  }

  release(channel: Channel, hold: Hold): void {
    if (this.holds?.get(channel) !== hold) return;
    hold.clear();
    this.holds.delete(channel);
    if (this.holds.size === 0) this.holds = undefined;
  }

  /** Stops reading from the client, as backpressure. */
  pause(): void {
    this.transport.pause();
  }

  resume(): void {
    this.transport.resume();
  }

  /** Cuts the socket without a closing handshake. */
  terminate(): void {
    this.transport.terminate();
  }

  /** Writes the send queue, then starts the closing handshake. The gateway cuts a client that does not answer. */
  close(cause: CloseCause, reason: string = CLOSE[cause].reason): void {
    if (this.state !== "open") return;
    this.state = "closing";
    this.closeCause = cause;
    this.#outbox.enqueuePosted();
    // A slow consumer would not read the rest of its queue either.
    if (cause === "slow") this.#outbox.close();
    else this.#outbox.finish();
    this.transport.close(CLOSE[cause].code, reason);
  }

  /** Tells the connection that its socket has closed. */
  closed(): void {
    this.state = "closed";
    for (const hold of this.holds?.values() ?? []) hold.clear();
    this.holds = undefined;
    this.#outbox.close();
  }
}
