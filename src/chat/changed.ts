import { type Core, reportFailure } from "./core.ts";

/** Parts of a user's data that a client asks for again after the event `chat.changed`. */
export type Changed = "groups" | "friends" | "profile";

/** Users up to whom a change is told as it is: beyond, all of them would ask at once. */
const MOST_TOLD = 100;

/** Time over which many users spread what they ask. */
const SPREAD_MS = 3_000;

/**
 * Tells the open connections of users that what they may show has changed elsewhere: on another device, or by another user. It is ephemeral: who
 * misses it asks after the next login anyway.
 * @param except connection that has made the change
 */
export function tellChanged(core: Core, users: readonly string[], what: Changed, except?: string): void {
  const { hub } = core;
  const audience = except === undefined ? hub.users(users) : hub.users(users).except(except);
  const data = users.length > MOST_TOLD ? { what, withinMs: SPREAD_MS } : { what };
  audience
    .send({ type: "chat.changed", data, ephemeral: true })
    .catch((error: unknown) => reportFailure(core, "news of changes", error));
}

/** Tells the members of a small group that it has changed, or who is in it. Those of a large one learn it after the next login. */
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
