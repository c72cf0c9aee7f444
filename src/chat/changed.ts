import { type Core, reportFailure } from "./core.ts";

/** What a client may show of a user and asks for again after the event `chat.changed`. */
export type Changed = "groups" | "friends" | "profile";

/**
 * Tells the open connections of users that what they may show has changed elsewhere: on another device, or by another user. It is ephemeral: who
 * misses it asks after the next login anyway.
 * @param except connection that has made the change
 */
export function tellChanged(core: Core, users: readonly string[], what: Changed, except?: string): void {
  const { hub } = core;
  const audience = except === undefined ? hub.users(users) : hub.users(users).except(except);
  audience
    .send({ type: "chat.changed", data: { what }, ephemeral: true })
    .catch((error: unknown) => reportFailure(core, "news of changes", error));
}

/** Members up to whom a change of a group is told: beyond, each of them would ask for the groups at once. */
const MOST_TOLD = 100;

/** Tells the members of a small group that it has changed, or who is in it. */
export async function tellMembers(core: Core, group: string): Promise<void> {
  const rows = await core.database.queries
    .selectFrom("chat_member")
    .select("user_id")
    .where("group_id", "=", group)
    .limit(MOST_TOLD + 1)
    .execute();
  if (rows.length > MOST_TOLD) return;
  tellChanged(
    core,
    rows.map((row) => row.user_id),
    "groups",
  );
}
