import type { JoinData } from "./rooms.ts";

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
