import type { DatabaseSync } from "node:sqlite";
import type { Memberships } from "../../port.ts";
import type { DurableMembers } from "../../single/single.ts";
import { numberOf, reading } from "../file/file.ts";
import type { Writer } from "../writer.ts";

export class SqliteMemberships implements Memberships, DurableMembers {
  readonly #writer: Writer;
  readonly #statements: ReturnType<typeof prepare>;
  /** Place of the last membership. */
  #places: number;

  constructor(db: DatabaseSync, writer: Writer) {
    this.#writer = writer;
    this.#statements = prepare(db);
    this.#places = numberOf(db, "SELECT max(place) FROM memberships");
  }

  add(group: string, user: string): Promise<void> {
    const { add, countUp } = this.#statements;
    return this.#writer.write(() => {
      if (add.run(group, user, ++this.#places).changes > 0) countUp.run(group);
    });
  }

  remove(group: string, user: string): Promise<void> {
    const { remove, countDown, forget } = this.#statements;
    return this.#writer.write(() => {
      if (remove.run(group, user).changes === 0) return;
      countDown.run(group);
      forget.run(group);
    });
  }

  async has(group: string, user: string): Promise<boolean> {
    return this.isIn(group, user);
  }

  async groupsOf(user: string): Promise<string[]> {
    return reading(() => this.#statements.groups.all(user).map((row) => String(row.group)));
  }

  async membersOf(group: string): Promise<string[]> {
    return [...this.placesIn(group, 0, -1)].map(([user]) => user);
  }

  countIn(group: string): number {
    return reading(() => Number(this.#statements.count.get(group)?.members ?? 0));
  }

  isIn(group: string, user: string): boolean {
    return reading(() => this.#statements.has.get(group, user) !== undefined);
  }

  /** @param limit -1: all */
  placesIn(group: string, after: number, limit: number): Iterable<readonly [string, number]> {
    return reading(() =>
      this.#statements.members
        .all(group, after, limit)
        .map((row): [string, number] => [String(row.user), Number(row.place)]),
    );
  }
}

const prepare = (db: DatabaseSync) => ({
  add: db.prepare(`INSERT OR IGNORE INTO memberships ("group", user, place) VALUES (?, ?, ?)`),
  remove: db.prepare(`DELETE FROM memberships WHERE "group" = ? AND user = ?`),
  has: db.prepare(`SELECT 1 FROM memberships WHERE "group" = ? AND user = ?`),
  countUp: db.prepare(
    `INSERT INTO member_counts ("group", members) VALUES (?, 1) ON CONFLICT DO UPDATE SET members = members + 1`,
  ),
  countDown: db.prepare(`UPDATE member_counts SET members = members - 1 WHERE "group" = ?`),
  forget: db.prepare(`DELETE FROM member_counts WHERE "group" = ? AND members = 0`),
  count: db.prepare(`SELECT members FROM member_counts WHERE "group" = ?`),
  groups: db.prepare(`SELECT "group" FROM memberships WHERE user = ? ORDER BY place`),
  members: db.prepare(
    `SELECT user, place FROM memberships WHERE "group" = ? AND place > ? ORDER BY place LIMIT ?`,
  ),
});
