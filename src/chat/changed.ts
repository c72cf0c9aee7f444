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
