import { notFound } from "./core.ts";
import { Database } from "./database/database.ts";

/**
 * Makes a user a server administrator, or a plain user again. Works on the database itself, so it holds for a running server at once.
 * @param target database of the chat: `sqlite:<file>` or `postgres://…`
 * @throws TidingsError `not_found` for a user without an account
 */
export async function setServerAdmin(target: string, user: string, isAdmin: boolean): Promise<void> {
  const database = new Database(target);
  try {
    await database.ready;
    await database.guarded(async () => {
      const { numUpdatedRows } = await database.queries
        .updateTable("chat_account")
        .set({ is_admin: isAdmin ? 1 : 0 })
        .where("user_id", "=", user)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) throw notFound(`there is no user ${user}: register first`);
    });
  } finally {
    await database.close();
  }
}
