import { setTimeout } from "node:timers/promises";
import type { Broker } from "../backplane/backplane.ts";
import type { Connection } from "../local/local.ts";
import {
  type Channel,
  groupChannel,
  type Position,
  TidingsError,
  userChannel,
} from "../protocol/protocol.ts";
import { positionText } from "../publish/publish.ts";

/** Pause after the queue has drained: on a busy channel the next message shows the gap meanwhile. */
const QUIET_MS = 100;

/** Pause after a failed read of positions. */
const RETRY_MS = 1_000;

/** Channels per read of positions. */
const CHANNELS_PER_READ = 500;

/**
 * Tells slow consumers of the stored messages that they did not get. On a quiet channel no later message shows the gap,
 * so each channel with a gap gets a `position` frame with `missed: true` when the send queue has drained. The client
 * then requests the messages.
 */
export class Gaps {
  readonly #broker: Broker;
  readonly #report: (stage: string, error: unknown) => void;

  constructor(broker: Broker, report: (stage: string, error: unknown) => void) {
    this.#broker = broker;
    this.#report = report;
  }

  /** Tells a connection of its first missed message, and of those that follow. */
  tell(connection: Connection): void {
    this.#untilComplete(connection).catch((error: unknown) => this.#report("gap", error));
  }

  /** One round per drained queue, so that a consumer that stays slow has one frame per channel in its queue. */
  async #untilComplete(connection: Connection): Promise<void> {
    while (connection.state === "open" && connection.missed !== undefined) {
      await connection.whenDrained();
      await setTimeout(QUIET_MS, undefined, { ref: false });
      if (connection.isParking) continue;
      connection.enqueuePosted();
      await this.#round(connection);
      if (connection.missed.isEmpty) connection.missed = undefined;
    }
  }

  async #round(connection: Connection): Promise<void> {
    const unknown: Channel[] = [];
    for (const [channel, position] of connection.missed?.takeAll() ?? all(connection)) {
      if (position === undefined) unknown.push(channel);
      else connection.send(positionText(connection, channel, position, true, true));
    }
    for (let from = 0; from < unknown.length; from += CHANNELS_PER_READ) {
      const channels = unknown.slice(from, from + CHANNELS_PER_READ);
      if (!(await this.#tellPresent(connection, channels)))
        return retryLater(connection, unknown.slice(from));
    }
  }

  /** Tells a connection where channels stand now. @returns false when that cannot be known now */
  async #tellPresent(connection: Connection, channels: readonly Channel[]): Promise<boolean> {
    let positions: Position[];
    try {
      positions = await this.#broker.positions(channels);
    } catch (error) {
      if (!(error instanceof TidingsError && error.retryable)) this.#report("gap", error);
      return false;
    }
    for (const [index, channel] of channels.entries()) {
      const position = positions[index];
      if (position !== undefined && mustHear(connection, channel, position)) {
        connection.send(positionText(connection, channel, position, true, true));
      }
    }
    return true;
  }
}

const all = ({ user, groups }: Connection): [Channel, undefined][] =>
  [userChannel(user), ...groups.map(groupChannel), "all" as const].map((channel) => [channel, undefined]);

/** False without messages, after the connection has left the group, and during a replay, which goes on to the present. */
function mustHear(connection: Connection, channel: Channel, { offset }: Position): boolean {
  if (offset === 0 || connection.holdOf(channel) !== undefined) return false;
  return !channel.startsWith("group:") || connection.groups.includes(channel.slice("group:".length));
}

async function retryLater({ missed }: Connection, channels: readonly Channel[]): Promise<void> {
  for (const channel of channels) missed?.add(channel, undefined);
  await setTimeout(RETRY_MS, undefined, { ref: false });
}
