import { Database } from "../../src/chat/database/database.ts";
import { Following } from "../../src/chat/following.ts";
import { settingsOf } from "../../src/chat/options.ts";
import type { Scene } from "./scene.ts";

/** Rows of one statement. */
const ROWS = 500;

/**
 * Adds members to a group in the tables, as if they had joined, and lets the hub follow by the repair that a start makes.
 * To join one by one would take longer than the test.
 */
export async function addMembers(scene: Scene, group: string, users: readonly string[]): Promise<void> {
  const { hub } = scene;
  const database = new Database(scene.database);
  await database.ready;
  for (let from = 0; from < users.length; from += ROWS) {
    const some = users.slice(from, from + ROWS);
    await database.change(async (queries) => {
      const accounts = some.map((user) => ({
        ...{ user_id: user, folded: user, name: user, folded_name: user, picture: null, password: null },
        ...{ is_admin: 0, created_at: 0 },
      }));
      await queries.insertInto("chat_account").values(accounts).execute();
      const members = some.map((user) => ({
        ...{
          group_id: group,
          user_id: user,
          role: "member" as const,
          joined_at: 0,
          read_epoch: "",
          read_offset: 0,
        },
      }));
      await queries.insertInto("chat_member").values(members).execute();
      await queries
        .updateTable("chat_group")
        .set(({ eb }) => ({ member_count: eb("member_count", "+", some.length) }))
        .where("group_id", "=", group)
        .execute();
    });
  }
  await new Following({ hub, database, settings: settingsOf({ hub }) }).repair();
  await database.close();
}
