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
}

/** The groups that the client joined. It joins them again on every connection. */
export class Groups {
  readonly #session: Session;
  readonly #ordering: Ordering;
  readonly #joined = new Set<string>();
  /** Channels that the present connection has joined, by the server's `position` frames. */
  readonly #confirmed = new Set<Channel>();

  constructor(session: Session, ordering: Ordering) {
    this.#session = session;
    this.#ordering = ordering;
  }

  async join(group: string, options?: CallOptions): Promise<Joined> {
    // Without the position the server would continue from now and skip messages that the client still misses.
    const position = this.#ordering.position(groupChannel(group));
    const joined = await this.#session.request("group.join", { group, position }, options);
    this.#joined.add(group);
    return joined as Joined; // as the protocol says
  }

  async leave(group: string, options?: CallOptions): Promise<void> {
    this.#joined.delete(group);
    // While offline the position goes before the request, so that the next login does not name the group.
    if (!this.#session.isOnline) this.#ordering.forget(groupChannel(group));
    await this.#session.request("group.leave", { group }, options);
    this.#ordering.forget(groupChannel(group));
  }

  async members(group: string, options?: CallOptions): Promise<Member[]> {
    const reply = await this.#session.request("group.members", { group }, options);
    return (reply as { members: Member[] }).members; // as the protocol says
  }

  /** Notes that a `position` frame arrived: the connection has joined the channel. */
  confirm(channel: Channel): void {
    this.#confirmed.add(channel);
  }

  ended(): void {
    this.#confirmed.clear();
  }

  /** Joins the groups that the login did not: it had no position for them, or the policy changed. */
  online(): void {
    for (const group of this.#joined) {
      if (!this.#confirmed.has(groupChannel(group))) void this.#rejoin(group);
    }
  }

  async #rejoin(group: string): Promise<void> {
    try {
      await this.#session.insist(() => this.join(group));
    } catch (cause) {
      this.#joined.delete(group);
      this.#ordering.forget(groupChannel(group));
      const { code } = cause as TidingsError; // a call rejects with nothing else
      this.#session.report(new TidingsError(code, `could not rejoin group ${group}`, { cause }));
    }
  }
}
