import type { Broker, Message, StoredMessage } from "../../backplane/backplane.ts";
import { type Channel, type Position, TidingsError } from "../../protocol/protocol.ts";
import { type HistoryReads, LISTENERS } from "../budgets/reads.ts";
import { type ListenEvent, Listener, type ListenFrom } from "./listener.ts";

export interface ListenersPorts {
  readonly reads: HistoryReads;
  readonly broker: Pick<Broker, "positions">;
  /** True where other nodes append too: what they append is looked for. */
  readonly isShared: boolean;
  /** True for last-value channels. @default no channel */
  readonly isLastValue?: ((channel: Channel) => boolean) | undefined;
  /** True for channels whose messages are not stored. @default no channel */
  readonly isUnstored?: ((channel: Channel) => boolean) | undefined;
  /** Pause between two looks at the channels for what other nodes have appended, in milliseconds. @default 200 */
  readonly lookMs?: number;
}

const LOOK_MS = 200;

/**
 * Listeners of this node: readers of channels that are no connections, such as streams of gRPC. They are no members, so
 * nobody sees them in presence and groups. A message that reaches this node reaches them at once; for what other nodes
 * append to channels without members here, one call for all channels looks a few times a second.
 */
export class Listeners {
  readonly #ports: ListenersPorts;
  readonly #byChannel = new Map<Channel, Set<Listener>>();
  #size = 0;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;

  constructor(ports: ListenersPorts) {
    this.#ports = ports;
  }

  /** Number of listeners. */
  get size(): number {
    return this.#size;
  }

  /** Passes on a message that has reached this node. Never throws, never waits. */
  heard(message: Message | StoredMessage): void {
    if (this.#size === 0 || !("offset" in message)) return;
    for (const listener of this.#byChannel.get(message.channel) ?? []) listener.heard(message);
  }

  /** Tells that the history of a channel has this position, or has had it. */
  reached(channel: Channel, position: Position): void {
    if (this.#size === 0) return;
    for (const listener of this.#byChannel.get(channel) ?? []) listener.check(position);
  }

  /**
   * Streams the stored messages of a channel, each once and in order: where the stream begins, what the history has from
   * there on, and everything that comes.
   * @throws TidingsError `bad_request` for a channel whose messages are not stored, and as `Listener.events`
   */
  async *listen(channel: Channel, from: ListenFrom, signal: AbortSignal): AsyncGenerator<ListenEvent, never> {
    const { reads, isLastValue, isUnstored } = this.#ports;
    if (isUnstored?.(channel)) {
      const message = `channel: the messages of ${channel} are not stored, so there is nothing to listen to`;
      throw new TidingsError("bad_request", message);
    }
    const listener = new Listener(
      (query) => reads.read(LISTENERS, channel, query),
      isLastValue?.(channel) ?? false,
    );
    this.#add(channel, listener);
    try {
      return yield* listener.events(from, signal);
    } finally {
      this.#remove(channel, listener);
    }
  }

  #add(channel: Channel, listener: Listener): void {
    const others = this.#byChannel.get(channel);
    if (others === undefined) this.#byChannel.set(channel, new Set([listener]));
    else others.add(listener);
    this.#size++;
    const { isShared, lookMs = LOOK_MS } = this.#ports;
    if (isShared) this.#timer ??= setInterval(() => void this.#look(), lookMs).unref();
  }

  #remove(channel: Channel, listener: Listener): void {
    const others = this.#byChannel.get(channel);
    others?.delete(listener);
    if (others?.size === 0) this.#byChannel.delete(channel);
    this.#size--;
    if (this.#size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const channels = [...this.#byChannel.keys()];
      const positions = await this.#ports.broker.positions(channels);
      for (const [index, position] of positions.entries()) {
        const channel = channels[index];
        if (channel !== undefined) this.reached(channel, position);
      }
    } catch {
      // The backplane is unavailable, and reports that itself. The next look is soon.
    } finally {
      this.#isLooking = false;
    }
  }
}
