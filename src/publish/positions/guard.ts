import type { Claim, Connection } from "../../local/local.ts";
import {
  type Channel,
  type Position,
  type Positions,
  TidingsError,
  toTidingsError,
} from "../../protocol/protocol.ts";
import type { PositionKey } from "./key.ts";
import { isProof, type NamedEpoch, parseEpoch } from "./seal.ts";
import { SealedChannels } from "./sealed.ts";

/** Tells whether a user may read the history of a channel that the connection receives. */
export type MayRead = (connection: Connection, channel: Channel) => boolean | Promise<boolean>;

/** True for a failure of the policy that passes by itself. Any other one would be met again. */
const isPassing = (error: unknown): boolean =>
  ["timeout", "unavailable"].includes(toTidingsError(error).code);

/**
 * Keeps members out of a history that they may not read. Who may not is told positions with a proof, and continues from such positions
 * only: what was stored before the first of them stays closed. Those who may read see bare epochs, and name any position.
 */
export class PositionGuard {
  readonly #key: PositionKey;
  readonly #mayRead: MayRead;

  constructor(key: PositionKey, mayRead: MayRead) {
    this.#key = key;
    this.#mayRead = mayRead;
  }

  /**
   * Prepares a connection for the positions of a channel, before it is told the first one.
   * @returns undefined when its user may read the history, and the policy says so at once
   * @throws TidingsError `unavailable` when there is no key yet, and no backplane to share one
   */
  open(connection: Connection, channel: Channel): Promise<void> | undefined {
    const answer = this.#mayRead(connection, channel);
    if (answer !== true) return this.#openBy(connection, channel, answer);
    connection.attachment(SealedChannels)?.delete(channel);
    return undefined;
  }

  /** A policy that fails allows nothing, and the live messages of the channel must not wait for it. */
  async #openBy(connection: Connection, channel: Channel, answer: boolean | Promise<boolean>): Promise<void> {
    const mayRead = await Promise.resolve(answer).catch((error: unknown) =>
      isPassing(error) ? undefined : false,
    );
    if (mayRead === true) {
      connection.attachment(SealedChannels)?.delete(channel);
      return;
    }
    await this.#key.ready();
    connection.attached(SealedChannels).add(this.#key, channel, mayRead === false);
  }

  /**
   * Checks the position that a client has named.
   * @returns the position, with the epoch of the backplane; undefined when its user may not read from there
   * @throws TidingsError `unavailable` when that is not known now, because the policy took too long: the client tries again
   */
  check(connection: Connection, channel: Channel, { claimed }: Claim): Position | undefined {
    const named = parseEpoch(claimed.epoch);
    const { epoch } = named;
    const sealed = connection.attachment(SealedChannels);
    if (sealed?.has(channel) !== true) return { ...claimed, epoch };
    if (!this.#isProven(connection, channel, named) || claimed.offset < named.proof.offset) {
      if (sealed.isCertain(channel)) return undefined;
      throw new TidingsError(
        "unavailable",
        `it is not known now whether ${connection.user} may read the history of ${channel}`,
      );
    }
    sealed.keep(channel, named.epoch, claimed.epoch);
    return { ...claimed, epoch };
  }

  /**
   * Notes the proofs that a login names, also of groups into which the application puts the connection later: the client goes on to see the epochs
   * that it knows, and finds what it has missed.
   */
  note(connection: Connection, positions: Positions): void {
    for (const [channel, { epoch: text }] of Object.entries(positions) as [Channel, Position][]) {
      const named = parseEpoch(text);
      if (this.#isProven(connection, channel, named))
        connection.attached(SealedChannels).keep(channel, named.epoch, text);
    }
  }

  #isProven({ user }: Connection, channel: Channel, named: NamedEpoch): named is Required<NamedEpoch> {
    const { epoch, proof } = named;
    if (proof === undefined) return false;
    const { offset, text } = proof;
    return this.#key.all.some((key) => isProof(key, { user, channel, epoch, offset }, text));
  }
}
