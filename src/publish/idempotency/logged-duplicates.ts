import { type Appended, type Broker, type Message, NOBODY } from "../../backplane/backplane.ts";
import type { PublishLog } from "../ports.ts";
import { receiptOf } from "../receipt.ts";

/**
 * Duplicates whose first publish has lost its confirmation: the history has the message, and no node has logged it. The first
 * duplicate logs it, from the history, because a duplicate may carry other data.
 */
export class LoggedDuplicates {
  readonly #log: PublishLog;
  readonly #broker: Pick<Broker, "history">;
  /** Ids of publishes with a key under way here: they log themselves. */
  readonly #pending = new Set<string>();

  constructor(log: PublishLog, broker: Pick<Broker, "history">) {
    this.#log = log;
    this.#broker = broker;
  }

  begin({ id }: Message): void {
    this.#pending.add(id);
  }

  end({ id }: Message): void {
    this.#pending.delete(id);
  }

  /**
   * @param duplicate the message that was a duplicate; in a retry it is the first one itself
   * @param appended its answer: without a receipt, the first publish never completed
   */
  found(duplicate: Message, appended: Appended): void {
    const { id, offset, receipt } = appended;
    if (receipt !== undefined || offset === 0) return;
    if (id !== duplicate.id && this.#pending.has(id)) return;
    this.#broker.history(duplicate.channel, { after: offset - 1, limit: 1 }).then(
      ({ messages: [first] }) => {
        if (first?.id === id) this.#log.stored(first, receiptOf({ ...appended, here: NOBODY, nodes: 0 }));
      },
      () => undefined, // without the backplane a further duplicate fails, and logs it later
    );
  }
}
