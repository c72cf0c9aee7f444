/** Durable membership of groups, which outlasts connections. */
export interface Memberships {
  add(group: string, user: string): Promise<void>;
  remove(group: string, user: string): Promise<void>;
  groupsOf(user: string): Promise<string[]>;
  membersOf(group: string): Promise<string[]>;
}
