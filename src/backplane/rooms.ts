/** Durable membership of groups, which outlasts connections. */
export interface Memberships {
  add(group: string, user: string): Promise<void>;
  remove(group: string, user: string): Promise<void>;
  /** Tells whether a user belongs to a group. O(1). */
  has(group: string, user: string): Promise<boolean>;
  groupsOf(user: string): Promise<string[]>;
  membersOf(group: string): Promise<string[]>;
}

/** Data that a member carries in a group, at most this many bytes of JSON. */
export const MAX_MEMBER_BYTES = 1_024;

/** Data that come with a join. */
export interface JoinData {
  /** JSON, at most {@link MAX_MEMBER_BYTES} bytes. */
  readonly json: string;
  /** True: only for a user who has no data in the group yet. */
  readonly isDefault: boolean;
}

/** Routes to the members of groups. Routes to users and to everyone follow from presence. */
export interface Routes {
  /**
   * A local connection of this user has joined the group: the node gets the group's messages. Each join may bring data, also
   * one of a user who has joined before.
   */
  join(group: string, user: string, data?: JoinData): Promise<void>;
  /** The last local connection of this user has left the group. */
  leave(group: string, user: string): Promise<void>;
}

/** A member of a group in a page. */
export interface RoomMember {
  readonly user: string;
  /** Rises along the page: the next page begins after the last one. */
  readonly place: number;
  /** Place in the list of joined users; undefined for a user who has not joined. */
  readonly joinedAt: number | undefined;
  readonly durable: boolean;
  /** Revision of the group at the last change of this member. 0 for a user who has not joined. */
  readonly revision: number;
  /** JSON; undefined without data. */
  readonly data: string | undefined;
}

export interface RoomPage {
  /** Revision of the group when the page was read. Only that of a watched group means something. */
  readonly revision: number;
  /** Users who have joined. O(1). */
  readonly joined: number;
  /** Durable members. O(1). */
  readonly durable: number;
  /** Fewer than the limit at the end. */
  readonly members: readonly RoomMember[];
}

export interface RoomQuery {
  readonly of: "joined" | "durable";
  /** Place to begin after; 0 for the first page. */
  readonly after: number;
  /** 0 reads only the counts. */
  readonly limit: number;
}

/**
 * A change of the users who have joined a group, once per user however many connections the user has. `before` is the revision
 * of the change before: where it is another one than the last, changes were lost on the way.
 */
export interface RoomChange {
  readonly group: string;
  readonly before: number;
  readonly revision: number;
  readonly user: string;
  readonly change: "join" | "update" | "leave";
  /** JSON, after the change. */
  readonly data: string | undefined;
}

/** The members of groups as lists, with the data that each user carries while joined. */
export interface Rooms {
  /**
   * Reads a page in the order of joins, or of the beginnings of memberships. A user who is in the list throughout is listed
   * exactly once.
   */
  page(group: string, query: RoomQuery): Promise<RoomPage>;
  /** Sets the data of a user: the last write wins. @returns false when the user has not joined */
  setData(group: string, user: string, json: string): Promise<boolean>;
  /**
   * Asks for `sink.room` of a group on this node, until {@link unwatch}. Changes after a page that is read later MUST arrive, in
   * their order, but for those that the connection to the backplane loses.
   */
  watch(group: string): Promise<void>;
  unwatch(group: string): Promise<void>;
}
