import type { Channel } from "../../../../protocol/protocol.ts";
import type { StoredMessage } from "../../../message.ts";
import { NOBODY, type Reached } from "../../../port.ts";
import type { DeafNodes } from "../../bus/bus.ts";
import type { Connection } from "../../connection/connection.ts";
import { AppendResult, type PendingAppend } from "./pending.ts";
import type { AppendTarget } from "./targets.ts";

/**
 * Completes appends. The promise of an append resolves once Redis has stored the message and, if this node has members
 * of the channel, the message has arrived by the node's own inbox and was delivered: only then its local receivers are
 * known.
 */
export class Completion {
  readonly #connection: Connection;
  readonly #deaf: Pick<DeafNodes, "othersIn">;
  /** Pending appends whose messages this node expects in its inbox, by message id. */
  readonly #expected = new Map<string, PendingAppend>();

  constructor(connection: Connection, deaf: Pick<DeafNodes, "othersIn">) {
    this.#connection = connection;
    this.#deaf = deaf;
    connection.onUnavailable(() => this.#completeWithoutArrival());
  }

  expect(pending: PendingAppend): void {
    this.#expected.set(pending.message.id, pending);
  }

  /** Stops waiting for a message that turned out to be a duplicate. */
  forget({ message }: PendingAppend): void {
    this.#expected.delete(message.id);
  }

  /** Redis has stored a message. @returns number of nodes to which it was sent */
  appended(pending: PendingAppend, target: AppendTarget, offset: number): number {
    const { message, here } = pending;
    const { epoch, nodes } = target;
    target.confirmed = offset;
    target.confirmedId = message.id;
    const { hasOwn } = nodes;
    const result = new AppendResult(message, epoch, offset, this.#deaf.othersIn(nodes));
    if (hasOwn && here === undefined && this.#connection.isUp) pending.result = result;
    else this.#complete(pending, result);
    return nodes.count;
  }

  failed(pending: PendingAppend, error: unknown): void {
    this.#expected.delete(pending.message.id);
    pending.reject(error);
  }

  /** A stored message was delivered to connections of this node. */
  delivered({ id }: StoredMessage, here: Reached): void {
    if (this.#expected.size === 0) return;
    const pending = this.#expected.get(id);
    if (pending === undefined) return;
    pending.here = here;
    if (pending.result !== undefined) this.#complete(pending, pending.result);
  }

  /** Messages of a channel arrived and cannot be delivered now: their appends have no local receivers. */
  undelivered(channel: Channel): void {
    for (const pending of this.#expected.values()) {
      if (pending.message.channel !== channel) continue;
      pending.here ??= NOBODY;
      if (pending.result !== undefined) this.#complete(pending, pending.result);
    }
  }

  #complete({ message, here = NOBODY, resolve }: PendingAppend, result: AppendResult): void {
    if (this.#expected.size > 0) this.#expected.delete(message.id);
    result.here = here;
    resolve(result);
  }

  /** During an outage nothing arrives, so no append waits for it. Missed messages are delivered after the outage. */
  #completeWithoutArrival(): void {
    for (const pending of this.#expected.values()) {
      if (pending.result !== undefined) this.#complete(pending, pending.result);
    }
  }
}
