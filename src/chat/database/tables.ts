/** Tables of the chat. Times are milliseconds since 1970, flags are 0 or 1: both databases have these. */
export interface Tables {
  readonly chat_account: AccountTable;
  readonly chat_session: SessionTable;
  readonly chat_attempt: AttemptTable;
  readonly chat_group: GroupTable;
  readonly chat_member: MemberTable;
  readonly chat_invitation: InvitationTable;
  readonly chat_friend: FriendTable;
  readonly chat_block: BlockTable;
  readonly chat_change: ChangeTable;
}

export interface AccountTable {
  /** Id of the user in the hub. */
  user_id: string;
  /** The id as {@link folded} makes it: two users must not look alike. */
  folded: string;
  name: string;
  folded_name: string;
  picture: string | null;
  /** Null for a user who logs in by a token of the application. */
  password: string | null;
  is_admin: number;
  created_at: number;
}

/** Logins that can be refreshed. */
export interface SessionTable {
  /** SHA-256 of the refresh token: who reads the table cannot log in. */
  digest: string;
  user_id: string;
  expires_at: number;
}

/** Failed logins, counted by account and by address. */
export interface AttemptTable {
  subject: string;
  failures: number;
  started_at: number;
}

export interface GroupTable {
  /** Id of the group in the hub. */
  group_id: string;
  /** `group`, or `direct` for the conversation of two users. */
  kind: GroupKind;
  /** The two users of a direct conversation, as JSON. */
  pair: string | null;
  name: string;
  folded_name: string;
  /** 1: anyone may join. */
  is_open: number;
  announce: Announce;
  max_members: number;
  member_count: number;
  created_at: number;
}

export type GroupKind = "group" | "direct";

/** To whom a join is announced. */
export type Announce = "nobody" | "group" | "everyone";

export interface MemberTable {
  group_id: string;
  user_id: string;
  role: Role;
  joined_at: number;
  /** Position up to which the user has read. */
  read_epoch: string;
  read_offset: number;
}

export type Role = "owner" | "admin" | "member";

export interface InvitationTable {
  group_id: string;
  user_id: string;
  invited_by: string;
  created_at: number;
}

/** One row for a request, two for a friendship. */
export interface FriendTable {
  user_id: string;
  other_id: string;
  state: "requested" | "friend";
  created_at: number;
}

export interface BlockTable {
  user_id: string;
  other_id: string;
  created_at: number;
}

/** Memberships that the hub's groups may not follow yet. Written with the change, removed once the hub has it. */
export interface ChangeTable {
  group_id: string;
  user_id: string;
}

/** A text for comparisons: equal for texts that differ in case, width or composition only. */
export const folded = (text: string): string => text.normalize("NFKC").toLowerCase().normalize("NFKC");
