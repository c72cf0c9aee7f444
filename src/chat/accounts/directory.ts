import type { z } from "zod";
import { TidingsError } from "../../index.ts";
import { isConsoleUser } from "../../protocol/protocol.ts";
import { type Core, conflict, notFound } from "../core.ts";
import { folded, isDuplicate, type Queries } from "../database/database.ts";
import { type person, personOf } from "../operation.ts";

/** Users that a node remembers to have an account. */
const MOST_KNOWN = 100_000;

/** The accounts, as other parts of the chat use them. */
export class Directory {
  readonly #core: Core;
  readonly #known = new Set<string>();

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Gives a user an account who has come with a token of the application, or by development mode. It has no password.
   * @throws TidingsError `conflict` when another user's id looks the same, `forbidden` for a visitor and for a console
   */
  async ensure(user: string): Promise<void> {
    if (this.#known.has(user)) return;
    await this.insert({ user, name: user, password: null }, "ignore");
    if ((await this.find(user)) === undefined)
      throw conflict(`${user}: another user has an id that looks the same`);
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.add(user);
  }

  /** @throws TidingsError `conflict` when the id is taken, or looks like one that is, `forbidden` for that of a visitor or a console */
  async insert(
    account: { readonly user: string; readonly name: string; readonly password: string | null },
    onDuplicate: "ignore" | "refuse" = "refuse",
  ): Promise<void> {
    const { user, name, password } = account;
    if (this.#core.hub.config.policy.anonymous !== false && user.startsWith("anonymous-"))
      throw new TidingsError("forbidden", "visitors have no account: log in");
    if (isConsoleUser(user))
      throw new TidingsError("forbidden", `user: ${user} is an id of consoles, which have no account`);
    const row = {
      ...{ user_id: user, folded: folded(user), name, folded_name: folded(name), picture: null, password },
      ...{ is_admin: 0, created_at: Date.now() },
    };
    const insert = this.#core.database.queries.insertInto("chat_account").values(row);
    if (onDuplicate === "ignore") {
      await insert.onConflict((taken) => taken.doNothing()).execute();
      return;
    }
    await insert.execute().catch((error: unknown) => {
      throw isDuplicate(error) ? conflict(`user: ${user} is taken, or looks like one that is`) : error;
    });
  }

  async find(user: string, queries: Queries = this.#core.database.queries) {
    return queries
      .selectFrom("chat_account")
      .select(["user_id", "name", "picture"])
      .where("user_id", "=", user)
      .executeTakeFirst();
  }

  /** @throws TidingsError `not_found` */
  async assertKnown(user: string, queries?: Queries): Promise<z.input<typeof person>> {
    const row = await this.find(user, queries);
    if (row === undefined) throw notFound(`there is no user ${user}`);
    return personOf(row);
  }

  /** Profiles of users, in the order asked. A user without an account has the id as name. */
  async persons(users: readonly string[]): Promise<z.input<typeof person>[]> {
    if (users.length === 0) return [];
    const rows = await this.#core.database.queries
      .selectFrom("chat_account")
      .select(["user_id", "name", "picture"])
      .where("user_id", "in", users)
      .execute();
    const byUser = new Map(rows.map((row) => [row.user_id, personOf(row)]));
    return users.map((user) => byUser.get(user) ?? { user, name: user });
  }
}
