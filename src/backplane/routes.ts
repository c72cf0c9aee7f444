/** Routes to the members of groups. Routes to users and to everyone follow from presence. */
export interface Routes {
  /** The first local connection of this user has joined the group: the node gets the group's messages. */
  join(group: string, user: string): Promise<void>;
  /** The last local connection of this user has left the group. */
  leave(group: string, user: string): Promise<void>;
}
