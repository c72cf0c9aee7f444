import type { Channel } from "../../../../protocol/protocol.ts";
import type { LocalNode } from "../../../local-node.ts";
import type { Connection } from "../../connection/connection.ts";
import type { Histories } from "../../history/histories.ts";
import type { PendingAppend } from "./pending.ts";
import type { AppendTarget } from "./targets.ts";

export interface TrimmerParts {
  readonly connection: Connection;
  readonly node: LocalNode;
  readonly histories: Histories;
}

/**
 * Starts the retention of lists. Redis tells the length of a list with each append, but not its bytes: each node counts
 * the bytes that it appends, and has a list measured after an eighth of its limit. So a list has at most its limit and
 * an eighth for each node.
 */
export class Trimmer {
  readonly #parts: TrimmerParts;
  /** Channels whose lists are being trimmed. */
  readonly #trimming = new Set<Channel>();

  constructor(parts: TrimmerParts) {
    this.#parts = parts;
  }

  /** Counts an append. @param length length of the list after it; 0 when the script has trimmed it already */
  appended({ message }: PendingAppend, target: AppendTarget, length: number): void {
    target.appendedBytes += message.body.length;
    // Asked each time, because the settings of other nodes count too.
    if (this.#parts.histories.isToTrim(message.channel, length, target.appendedBytes)) {
      target.appendedBytes = 0;
      void this.#trim(message.channel);
    }
  }

  /** Trims a channel's list. After a failure, the next messages of the channel start another attempt. */
  async #trim(channel: Channel): Promise<void> {
    if (this.#trimming.has(channel)) return;
    this.#trimming.add(channel);
    try {
      await this.#parts.histories.trim(channel);
    } catch (error) {
      if (this.#parts.connection.isNews(error)) this.#parts.node.report("history", error);
    }
    this.#trimming.delete(channel);
  }
}
