import { type Channel, groupChannel, TidingsError } from "../../protocol/protocol.ts";
import type { Session } from "../session/session.ts";
import type { Ordering } from "./ordering.ts";

/** Where a group goes on for a client that joined it. */
export interface Joined {
  readonly channel: Channel;
  readonly epoch: string;
  readonly offset: number;
  /** False when messages between the position that the client held and this one are lost. */
  readonly recovered: boolean;
}

/** A member of a group: `online` with a connection that joined it, `durable` when it belongs while away too. */
export interface Member {
  readonly user: string;
  readonly online: boolean;
  readonly durable: boolean;
}

/** The groups that the client is a member of, over all its connections. */
export class Groups {
  readonly #session: Session;
  readonly #ordering: Ordering;
  readonly #failed: (error: unknown) => void;
  readonly #joined = new Set<string>();
  /** Channels that the present connection is known to be a member of. */
  readonly #confirmed = new Set<Channel>();

  constructor(session: Session, ordering: Ordering, failed: (error: unknown) => void) {
    this.#session = session;
    this.#ordering = ordering;
    this.#failed = failed;
  }

  async join(group: string): Promise<Joined> {
    // Without its position the server would go on from now, over messages that are still missing here.
    const position = this.#ordering.position(groupChannel(group));
    const joined = await this.#session.request("group.join", { group, position });
    this.#joined.add(group);
    return joined as Joined; // as the protocol says
  }

  async leave(group: string): Promise<void> {
    this.#joined.delete(group);
    // While offline: so that the next login does not name the group.
    if (!this.#session.isOnline) this.#ordering.forget(groupChannel(group));
    await this.#session.request("group.leave", { group });
    this.#ordering.forget(groupChannel(group));
  }

  async members(group: string): Promise<Member[]> {
    const reply = await this.#session.request("group.members", { group });
    return (reply as { members: Member[] }).members; // as the protocol says
  }

  /** A `position` frame came: the connection is a member of the channel. */
  confirm(channel: Channel): void {
    this.#confirmed.add(channel);
  }

  ended(): void {
    this.#confirmed.clear();
  }

  /** Joins those again that the login did not: it had no position of them, or the policy has changed. */
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
      const code = cause instanceof TidingsError ? cause.code : "internal";
      this.#failed(new TidingsError(code, `could not join ${group} again`, { cause }));
    }
  }
}
