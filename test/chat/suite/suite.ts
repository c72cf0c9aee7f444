import { accountSuite } from "./accounts.ts";
import { friendSuite } from "./friends.ts";
import { groupSuite } from "./groups.ts";
import { limitSuite } from "./limits.ts";
import { messageSuite } from "./messages.ts";
import type { Start } from "./start.ts";

/** The chat as users see it, on any database and any number of nodes. */
export function chatSuite(title: string, start: Start): void {
  for (const suite of [accountSuite, groupSuite, friendSuite, messageSuite, limitSuite]) suite(title, start);
}
