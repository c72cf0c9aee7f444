/** Durable membership of groups, which outlasts connections. */
export interface Memberships {
  add(group: string, user: string): Promise<void>;
  remove(group: string, user: string): Promise<void>;
  /** Tells whether a user belongs to a group. O(1). */
  has(group: string, user: string): Promise<boolean>;
  groupsOf(user: string): Promise<string[]>;
  membersOf(group: string): Promise<string[]>;
}
