import { type Channel, groupChannel, TidingsError } from "../../protocol/protocol.ts";
import type { CallOptions, Session } from "../session/session.ts";
import type { Ordering } from "./ordering.ts";

/** The position from which a joined group continues. */
export interface Joined {
  readonly channel: Channel;
  readonly epoch: string;
  readonly offset: number;
  /** False when the client lost messages between its own position and this one. */
  readonly recovered: boolean;
}

/** A member of a group. */
export interface Member {
  readonly user: string;
  /** The user has a connection that joined the group. */
  readonly online: boolean;
  /** The user has a membership, which stays without connections. */
  readonly durable: boolean;
  /** Data of the user in the group while online. */
  readonly data?: unknown;
}

/** A page of the members of a group. */
export interface MembersPage {
  readonly members: readonly Member[];
  /** Members of the whole group who are online. */
  readonly online: number;
  /** Durable members of the whole group. */
  readonly durable: number;
  /** For the next page; absent on the last. */
  readonly cursor?: string;
}

export interface MembersQuery extends CallOptions {
  /** @default 100 // at most 1,000 */
  readonly limit?: number | undefined;
  /** Cursor of the page before. @default the first page */
  readonly cursor?: string | undefined;
}

export interface JoinOptions extends CallOptions {
  /**
   * Data of the user in the group: a JSON value of at most 1 KiB. A further join changes it.
   * @default what the user carries already, else `info` of the token
   */
  readonly data?: unknown;
  /** So many of the newest stored messages come before the live ones, unless the client has been in the group before. @default 0 */
  readonly last?: number | undefined;
  /** The stored messages since a time, in milliseconds since 1970, come before the live ones. With `last` those that are both. */
  readonly since?: number | Date | undefined;
}

/** The groups that the client joined, with its data there. It joins them again on every connection. */
export class Groups {
  readonly #session: Session;
  readonly #ordering: Ordering;
  readonly #joined = new Map<string, unknown>();
  /** Channels that the present connection has joined, by the server's `position` frames. */
  readonly #confirmed = new Set<Channel>();

  constructor(session: Session, ordering: Ordering) {
    this.#session = session;
    this.#ordering = ordering;
  }

  async join(group: string, { signal, ...rest }: JoinOptions = {}): Promise<Joined> {
    // Without the position the server would continue from now and skip messages that the client still misses.
    const position = this.#ordering.position(groupChannel(group));
    const joined = await this.#session.request("group.join", { group, position, ...rest }, { signal });
    this.#joined.set(group, rest.data);
    return joined as Joined; // as the protocol says
  }

  async leave(group: string, options?: CallOptions): Promise<void> {
    this.#joined.delete(group);
    // While offline the position goes before the request, so that the next login does not name the group.
    if (!this.#session.isOnline) this.#ordering.forget(groupChannel(group));
    await this.#session.request("group.leave", { group }, options);
    this.#ordering.forget(groupChannel(group));
  }

  /** Notes that a `position` frame arrived: the connection has joined the channel. */
  confirm(channel: Channel): void {
    this.#confirmed.add(channel);
  }

  ended(): void {
    this.#confirmed.clear();
  }

  /** Joins the groups that the login did not, because it had no position for them or the policy changed, and those with data. */
  online(): void {
    for (const [group, data] of this.#joined) {
      if (data !== undefined || !this.#confirmed.has(groupChannel(group))) void this.#rejoin(group, data);
    }
  }

  async #rejoin(group: string, data: unknown): Promise<void> {
    try {
      await this.#session.insist(() => this.join(group, { data }));
    } catch (cause) {
      this.#joined.delete(group);
      this.#ordering.forget(groupChannel(group));
      const { code } = cause as TidingsError; // a call rejects with nothing else
      this.#session.report(new TidingsError(code, `cannot rejoin ${group}`, { cause }));
    }
  }
}
