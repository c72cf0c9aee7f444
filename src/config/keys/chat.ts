import { key, optional } from "../key.ts";
import { databaseTarget, flag, oneOf } from "../values.ts";

/** Settings of the chat of `tidings serve` (docs/CHAT.md). */
export const CHAT = {
  chat: optional(flag(), {
    doc: "serve a chat: accounts, friends, groups. In code it is `createChat` of `tidings/chat`",
    defaultText: "on in development mode without `redis`; else off",
  }),
  chatDatabase: optional(databaseTarget(), {
    secret: "target",
    doc:
      "where the chat keeps its tables: `sqlite:<file>`, or `postgres://user:password@host:5432/database` (needs the package `pg`), " +
      "which nodes with `redis` share",
    defaultText: "`chat.db` in `data`; without `data` in memory",
  }),
  chatRegistration: key(flag(), true, { doc: "anybody may make an account in the chat" }),
  chatDirect: optional(oneOf(["friends", "anyone"]), {
    doc: "who may write to a user in the chat: `friends`, or `anyone` who is not blocked",
    defaultText: "`friends`; in development mode `anyone`",
  }),
};
