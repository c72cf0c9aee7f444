import type { Memberships } from "../port.ts";
import { type RunScript, script } from "./connection/connection.ts";
import { partitionOfGroup, partitionOfUser } from "./keys.ts";
import { readSet } from "./presence-sets.ts";

/** ARGV: kind, name, member, 1 to add or 0 to remove. */
const BELONG = script(
  "belong",
  `redis.call(ARGV[4] == "1" and "SADD" or "SREM", key(ARGV[1], ARGV[2]), ARGV[3])`,
);

export const MEMBERSHIP_SCRIPTS = [BELONG] as const;

/** Who belongs to which group, kept on both sides: `b:<user>` with the user, `B:<group>` with the group. */
export class RedisMemberships implements Memberships {
  readonly #run: RunScript;

  constructor(run: RunScript) {
    this.#run = run;
  }

  add(group: string, user: string): Promise<void> {
    return this.#set(group, user, 1);
  }

  remove(group: string, user: string): Promise<void> {
    return this.#set(group, user, 0);
  }

  async groupsOf(user: string): Promise<string[]> {
    return [...(await readSet(this.#run, partitionOfUser(user), "b", user))];
  }

  async membersOf(group: string): Promise<string[]> {
    return [...(await readSet(this.#run, partitionOfGroup(group), "B", group))];
  }

  /** Two partitions cannot change as one: after a failure the sides may differ until the call is repeated. */
  async #set(group: string, user: string, belongs: 0 | 1): Promise<void> {
    await Promise.all([
      this.#run(BELONG, partitionOfUser(user), ["b", user, group, belongs]),
      this.#run(BELONG, partitionOfGroup(group), ["B", group, user, belongs]),
    ]);
  }
}
