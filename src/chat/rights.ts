import { type Authorize, type Channel, defaultPolicy, type PolicyRequest } from "../index.ts";
import { CallerRequest } from "./caller-request.ts";
import { type Core, forbidden, notFound, PREFIX } from "./core.ts";
import type { GroupKind, Queries, Role } from "./database/database.ts";
import type { Caller } from "./operation.ts";

/** A user's place in a group. */
export interface Membership {
  readonly role: Role;
  readonly kind: GroupKind;
  /** The other user of a direct conversation. */
  readonly other: string | undefined;
  /** Number of members of the group. */
  readonly members: number;
}

const GROUP = "group:";
const USER = "user:";

/** True for a channel of a group of the chat. */
const isOwn = (channel: string): boolean => channel.startsWith(GROUP + PREFIX);

/** Rights of users, as the tables give them. */
export class Rights {
  readonly #core: Core;
  readonly #base: Authorize;
  readonly #membership: MembershipQuery;
  readonly #block: ReturnType<typeof blockQuery>;

  /** @param base policy of the application: what it refuses stays refused */
  constructor(core: Core, base: Authorize = defaultPolicy) {
    this.#core = core;
    this.#base = base;
    this.#membership = membershipQuery(core.database.queries);
    this.#block = blockQuery(core.database.queries);
  }

  /**
   * The policy of a hub with a chat. In groups of the chat it needs the application's policy and a membership in the tables; to another user
   * may write whom {@link mayWrite} allows; friends see each other's presence, and server administrators that of everybody. Everything else is
   * the application's.
   */
  readonly policy: Authorize = Object.assign(
    (request: PolicyRequest) => {
      const { channel, user, verb } = request;
      if (isOwn(channel)) return this.#allowsInGroup(request, channel.slice(GROUP.length));
      if (channel === "all" && verb === "presence") return this.#allowsSeeingAll(request);
      const other = channel.startsWith(USER) ? channel.slice(USER.length) : user;
      if (other === user || (verb !== "send" && verb !== "presence")) return this.#base(request);
      return verb === "send" ? this.#allowsWriting(request, other) : this.#allowsSeeing(request, other);
    },
    { hints: (channel: Channel) => this.#base === defaultPolicy && !isOwn(channel) },
  );

  async #allowsInGroup(request: PolicyRequest, group: string): Promise<boolean> {
    if (request.anonymous || (await this.#base(request)) !== true) return false;
    return this.#allowsGroup(group, request.user, request.verb === "send" || request.verb === "edit");
  }

  async #allowsWriting(request: PolicyRequest, other: string): Promise<boolean> {
    return (await this.#base(request)) === true && this.mayWrite(request.user, other);
  }

  async #allowsSeeing(request: PolicyRequest, other: string): Promise<boolean> {
    return (await this.#base(request)) === true || this.#areFriends(request.user, other);
  }

  async #allowsSeeingAll(request: PolicyRequest): Promise<boolean> {
    if (await this.#baseAllows(request)) return true;
    const { database } = this.#core;
    return !request.anonymous && database.guarded(() => this.isServerAdmin(request.user));
  }

  /** @throws TidingsError `forbidden` when the application's policy refuses what a caller wants, also over HTTP */
  async assertBase(caller: Caller, verb: PolicyRequest["verb"], group: string): Promise<void> {
    if (!(await this.#baseAllows(new CallerRequest(this.#core, caller, verb, `group:${group}`))))
      throw forbidden(`${caller.user} may not ${verb === "send" ? "write to" : "read"} ${group}`);
  }

  /** Tells whether the application's policy lets a member of a group read its history. */
  mayRead(caller: Caller, group: string): Promise<boolean> {
    return this.#baseAllows(new CallerRequest(this.#core, caller, "history", `group:${group}`, true));
  }

  /** Tells whether a user may list everybody who is online: by the application's policy, or as a server administrator. */
  mayListOnline(caller: Caller): Promise<boolean> {
    return this.#allowsSeeingAll(new CallerRequest(this.#core, caller, "presence", "all", false));
  }

  async #baseAllows(request: PolicyRequest): Promise<boolean> {
    return (await this.#base(request)) === true;
  }

  /** Finds a user's place in a group. @returns undefined when the user is no member, or there is no such group */
  async find(
    group: string,
    user: string,
    queries: Queries = this.#core.database.queries,
  ): Promise<Membership | undefined> {
    const query: MembershipQuery = { ...this.#membership, parameters: [group, user] };
    const [row] = (await queries.executeQuery(query)).rows;
    return (
      row && { role: row.role, kind: row.kind, other: otherIn(row.pair, user), members: row.member_count }
    );
  }

  /** @throws TidingsError `not_found` for everybody who is no member: others do not learn which groups there are */
  async assertMember(group: string, user: string, queries?: Queries): Promise<Membership> {
    const membership = await this.find(group, user, queries);
    if (membership === undefined) throw notFound(`you are in no group ${group}`);
    return membership;
  }

  /** @throws TidingsError `not_found` for others than members, `forbidden` for a user to whom the caller may not write */
  async assertMayWrite(group: string, user: string): Promise<void> {
    const { other } = await this.assertMember(group, user);
    if (other !== undefined && !(await this.mayWrite(user, other))) throw cannotWrite(other);
  }

  /** Tells whether a user may write to another one: neither has blocked the other, and they are friends if they must be. */
  async mayWrite(from: string, to: string): Promise<boolean> {
    if (from === to) return true;
    if (await this.isBlocked(from, to)) return false;
    return this.#core.settings.direct === "anyone" || this.#areFriends(from, to);
  }

  /** Tells whether one of two users has blocked the other. */
  async isBlocked(
    one: string,
    other: string,
    queries: Queries = this.#core.database.queries,
  ): Promise<boolean> {
    const query = { ...this.#block, parameters: [one, other, other, one] };
    return (await queries.executeQuery(query)).rows.length > 0;
  }

  /** Server administrators are named by `tidings chat admin`. */
  async isServerAdmin(user: string, queries: Queries = this.#core.database.queries): Promise<boolean> {
    const row = await queries
      .selectFrom("chat_account")
      .select("is_admin")
      .where("user_id", "=", user)
      .executeTakeFirst();
    return row?.is_admin === 1;
  }

  /** Tells whether a user may put everybody who is online into a group. */
  async mayGather(user: string): Promise<boolean> {
    return this.#core.hub.development || (await this.isServerAdmin(user));
  }

  async #allowsGroup(group: string, user: string, isSending: boolean): Promise<boolean> {
    return this.#core.database.guarded(async () => {
      const membership = await this.find(group, user);
      if (membership === undefined) return false;
      return !isSending || membership.other === undefined || this.mayWrite(user, membership.other);
    });
  }

  async #areFriends(one: string, other: string): Promise<boolean> {
    const { database } = this.#core;
    const row = await database.guarded(() =>
      database.queries
        .selectFrom("chat_friend")
        .select("state")
        .where("user_id", "=", one)
        .where("other_id", "=", other)
        .where("state", "=", "friend")
        .executeTakeFirst(),
    );
    return row !== undefined;
  }
}

type MembershipQuery = ReturnType<typeof membershipQuery>;

/** The query about a group and a user, which every message needs: it is built once. */
const membershipQuery = (queries: Queries) =>
  queries
    .selectFrom("chat_member as member")
    .innerJoin("chat_group as known", "known.group_id", "member.group_id")
    .select(["member.role", "known.kind", "known.pair", "known.member_count"])
    .where("member.group_id", "=", "")
    .where("member.user_id", "=", "")
    .compile();

/** The query about a block between two users, in both directions, which every message to a user needs. */
const blockQuery = (queries: Queries) =>
  queries
    .selectFrom("chat_block")
    .select("user_id")
    .where(({ eb, or, and }) =>
      or([
        and([eb("user_id", "=", ""), eb("other_id", "=", "")]),
        and([eb("user_id", "=", ""), eb("other_id", "=", "")]),
      ]),
    )
    .compile();

/** The text does not say whether it is a block or a missing friendship: a block is not announced. */
export const cannotWrite = (user: string) =>
  forbidden(`you may not write to ${user}: you are not friends, or one has blocked the other`);

/** The other one of two users of a direct conversation. @param pair of {@link pairOf}; null for a group */
export const otherIn = (pair: string | null, user: string): string | undefined => {
  if (pair === null) return undefined;
  const [one, other] = JSON.parse(pair) as [string, string]; // written by pairOf
  return one === user ? other : one;
};

/** The two users of a direct conversation as one text, the same for both. */
export const pairOf = (one: string, other: string): string => JSON.stringify([one, other].sort());
