import type { Broker, Message, StoredMessage } from "../../backplane/backplane.ts";
import { type Channel, type Position, TidingsError, toTidingsError } from "../../protocol/protocol.ts";
import { type HistoryReads, LISTENERS } from "../budgets/reads.ts";
import { type ListenEvent, Listener, type ListenFrom } from "./listener.ts";

export interface ListenersPorts {
  readonly reads: HistoryReads;
  readonly broker: Pick<Broker, "listen" | "unlisten">;
  /** True for last-value channels. @default no channel */
  readonly isLastValue?: ((channel: Channel) => boolean) | undefined;
  /** True for channels whose messages are not stored. @default no channel */
  readonly isUnstored?: ((channel: Channel) => boolean) | undefined;
  /** Takes failures that no listener waits for. */
  readonly report: (stage: string, error: unknown) => void;
}

/** The listeners of a channel. */
interface Audience {
  readonly listeners: Set<Listener>;
  /** Resolves when the messages of the channel reach this node. */
  readonly heard: Promise<void>;
}

/**
 * Listeners of this node: readers of channels that are no connections, such as streams of gRPC. They are no members, so
 * nobody sees them in presence and groups. The node listens to their channels, and so gets each message as soon as a member would.
 */
export class Listeners {
  readonly #ports: ListenersPorts;
  readonly #byChannel = new Map<Channel, Audience>();

  constructor(ports: ListenersPorts) {
    this.#ports = ports;
  }

  /** Passes on a message that has reached this node. Never throws, never waits. */
  heard(message: Message | StoredMessage): void {
    if (this.#byChannel.size === 0 || !("offset" in message)) return;
    for (const listener of this.#byChannel.get(message.channel)?.listeners ?? []) listener.heard(message);
  }

  /** Tells that the history of a channel has this position, or has had it. */
  reached(channel: Channel, position: Position): void {
    for (const listener of this.#byChannel.get(channel)?.listeners ?? []) listener.check(position);
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
    const audience = this.#audienceOf(channel);
    audience.listeners.add(listener);
    try {
      // Before the history is read: what is appended after the read must be heard.
      await audience.heard;
      return yield* listener.events(from, signal);
    } finally {
      audience.listeners.delete(listener);
      if (audience.listeners.size === 0) this.#end(channel, audience);
    }
  }

  #audienceOf(channel: Channel): Audience {
    const known = this.#byChannel.get(channel);
    if (known !== undefined) return known;
    const audience = { listeners: new Set<Listener>(), heard: this.#ports.broker.listen(channel) };
    this.#byChannel.set(channel, audience);
    return audience;
  }

  #end(channel: Channel, audience: Audience): void {
    if (this.#byChannel.get(channel) !== audience) return;
    this.#byChannel.delete(channel);
    const { broker, report } = this.#ports;
    broker.unlisten(channel).catch((error: unknown) => {
      // The backplane reports that it is unavailable itself, and ends it later.
      if (toTidingsError(error).code !== "unavailable") report("listeners", error);
    });
  }
}
