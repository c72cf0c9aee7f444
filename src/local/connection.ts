import type { Channel, CloseCause, ConnectionInfo } from "../protocol/protocol.ts";
import { CLOSE } from "../protocol/protocol.ts";
import { PING_FRAME, textFrame } from "./frame.ts";
import { Hold } from "./hold.ts";
import { type ByteStream, Outbox, type OutboxOwner, type Verdict } from "./outbox.ts";

/** What a connection needs of its WebSocket: the raw stream to write frames to, and control over its life. */
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

/** `open` takes messages; `closing` waits for the client's part of the closing handshake; `closed` is gone. */
export type ConnectionState = "open" | "closing" | "closed";

const NO_GROUPS: readonly string[] = [];

/** One WebSocket of one user on this node. */
export class Connection implements ConnectionInfo {
  readonly id: string;
  readonly user: string;
  readonly platform: string;
  readonly device: string;
  readonly node: string;
  readonly connectedAt: number;
  readonly transport: Transport;
  /** The transport's, kept here because every delivery looks at it. */
  readonly deflate: boolean;
  readonly outbox: Outbox;
  state: ConnectionState = "open";
  /** Groups that this connection has joined. */
  groups: readonly string[] = NO_GROUPS;
  /** Channels that are being replayed; undefined almost always, so that delivery has one thing to look at. */
  holds: Map<Channel, Hold> | undefined;
  /** Channels with a gap before what is queued now, until they are replayed; undefined almost always. */
  missed: Set<Channel> | undefined;
  /** Why the server closed it; undefined while it has not. */
  closeCause: CloseCause | undefined;
  /** Bytes received when the heartbeat last looked, and when it last saw new ones. */
  bytesSeen = 0;
  heardAt: number;
  pingedAt: number;

  constructor(identity: ConnectionInfo, transport: Transport, owner: OutboxOwner) {
    this.id = identity.id;
    this.user = identity.user;
    this.platform = identity.platform;
    this.device = identity.device;
    this.node = identity.node;
    this.connectedAt = identity.connectedAt;
    this.heardAt = identity.connectedAt;
    this.pingedAt = identity.connectedAt;
    this.transport = transport;
    this.deflate = transport.deflate;
    this.outbox = new Outbox(owner, transport.stream);
  }

  /** Queues a frame that belongs to this connection alone (reply, notice, position); it is never dropped. */
  send(text: string): void {
    this.outbox.enqueueAnyway(textFrame(text));
  }

  /** Queues a message's frame; a full queue answers by its policy. */
  enqueue(frame: Buffer): Verdict {
    const verdict = this.outbox.enqueue(frame);
    if (verdict === "overflow") this.close("slow");
    return verdict;
  }

  /**
   * The same for all the frames that a tick has for this connection and others.
   * @returns whether all are queued
   */
  enqueueAll(frames: readonly Buffer[]): boolean {
    let all = true;
    for (const frame of frames) if (this.enqueue(frame) !== "queued") all = false;
    return all;
  }

  /** Queues what was published to the connection's channels in this tick, before something that must come after. */
  settle(): void {
    this.outbox.settle();
  }

  ping(now: number): void {
    this.pingedAt = now;
    if (!this.outbox.isFull) this.outbox.enqueueAnyway(PING_FRAME);
  }

  /** The hold on a channel, while it is replayed. */
  holdOf(channel: Channel): Hold | undefined {
    return this.holds?.get(channel);
  }

  /** A stored message of the channel did not get its place in the queue. */
  miss(channel: Channel): void {
    this.missed ??= new Set();
    this.missed.add(channel);
  }

  /** Keeps live stored messages of a channel back until it is released. */
  hold(channel: Channel, limit: number): Hold {
    const hold = new Hold(limit);
    this.missed?.delete(channel);
    this.holds ??= new Map();
    this.holds.set(channel, hold);
    return hold;
  }

  release(channel: Channel, hold: Hold): void {
    if (this.holds?.get(channel) !== hold) return;
    this.holds.delete(channel);
    if (this.holds.size === 0) this.holds = undefined;
  }

  /** Writes what waits, then starts the closing handshake. A client that does not answer is cut by the gateway. */
  close(cause: CloseCause, reason: string = CLOSE[cause].reason): void {
    if (this.state !== "open") return;
    this.state = "closing";
    this.closeCause = cause;
    this.outbox.settle();
    // Whoever takes nothing is not given more.
    if (cause === "slow") this.outbox.close();
    else this.outbox.finish();
    this.transport.close(CLOSE[cause].code, reason);
  }

  /** The socket is gone. */
  closed(): void {
    this.state = "closed";
    this.outbox.close();
  }
}
