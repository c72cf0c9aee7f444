import { type Operation as HubOperation, TidingsError } from "../index.ts";
import { type Change, type Core, PREFIX, ROWS, reportFailure } from "./core.ts";

/** Operations of one batch of the hub. */
const BATCH = 500;

/** Members on a page of the hub. */
const PAGE = 1_000;

/** Time after which changes are tried again that the hub has not followed. */
const RETRY_MS = 2_000;

/** Groups on a page of the repair. */
const GROUPS = 100;

/** Makes the hub's groups follow the tables. The tables are the truth: what was applied is compared with them again. */
export class Following {
  readonly #core: Core;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Makes the hub's groups agree with the tables about these memberships. Resolves when it is so: nobody who was removed receives any more.
   * @throws TidingsError `unavailable` without the backplane. The changes stand in the tables, and are applied when it is back
   */
  async apply(changes: readonly Change[]): Promise<void> {
    try {
      await this.#apply(changes);
    } catch (error) {
      this.#retryLater();
      throw error;
    }
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    for (let from = 0; from < changes.length; from += BATCH) {
      const some = changes.slice(from, from + BATCH);
      // Another node may change the same membership meanwhile: done when the tables say what was applied.
      let applied = await this.#states(some);
      for (let isSame = false; !isSame; ) {
        await this.#toHub(some, applied);
        const now = await this.#states(some);
        isSame = some.every((change) => now.has(keyOf(change)) === applied.has(keyOf(change)));
        applied = now;
      }
      await this.#forget(some);
    }
  }

  /** Makes a user's memberships in the hub agree with the tables, before a connection of the user is admitted. */
  async repairUser(user: string): Promise<void> {
    const { hub, database } = this.#core;
    const [known, rows] = await Promise.all([
      hub.user(user).groups(),
      database.guarded(() =>
        database.queries.selectFrom("chat_member").select("group_id").where("user_id", "=", user).execute(),
      ),
    ]);
    const inHub = new Set(known.filter((group) => group.startsWith(PREFIX)));
    const inTables = new Set(rows.map((row) => row.group_id));
    await this.apply(differing(inHub, inTables).map((group) => ({ group, user })));
  }

  /** Repairs all groups: after a start the backplane may have lost, or never got, what the tables say. */
  async repair(): Promise<void> {
    await this.#applyNoted();
    for (let last = ""; !this.#isClosed; ) {
      const groups = await this.#groupsAfter(last);
      for (const group of groups) if (!this.#isClosed) await this.#repairGroup(group);
      last = groups.at(-1) ?? "";
      if (last === "") return;
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Applies what was noted with a change and not confirmed. */
  async #applyNoted(): Promise<void> {
    const { database } = this.#core;
    const noted = await database.guarded(() =>
      database.queries.selectFrom("chat_change").selectAll().execute(),
    );
    await this.apply(noted.map(({ group_id: group, user_id: user }) => ({ group, user })));
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#applyNoted().catch((error: unknown) => {
        reportFailure(this.#core, "groups of the hub", error);
        this.#retryLater();
      });
    }, RETRY_MS).unref();
  }

  async #repairGroup(group: string): Promise<void> {
    const { database } = this.#core;
    const rows = await database.guarded(() =>
      database.queries.selectFrom("chat_member").select("user_id").where("group_id", "=", group).execute(),
    );
    const inTables = new Set(rows.map((row) => row.user_id));
    const inHub = await this.#durableMembers(group);
    await this.apply(differing(inHub, inTables).map((user) => ({ group, user })));
  }

  async #durableMembers(group: string): Promise<Set<string>> {
    const found = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await this.#core.hub.group(group).members({ limit: PAGE, cursor });
      for (const { user, durable } of page.members) if (durable) found.add(user);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return found;
  }

  async #groupsAfter(last: string): Promise<string[]> {
    const { database } = this.#core;
    const rows = await database.guarded(() =>
      database.queries
        .selectFrom("chat_group")
        .select("group_id")
        .where("group_id", ">", last)
        .orderBy("group_id")
        .limit(GROUPS)
        .execute(),
    );
    return rows.map((row) => row.group_id);
  }

  /** Memberships among the changes that are in the tables, by {@link keyOf}. */
  async #states(changes: readonly Change[]): Promise<Set<string>> {
    const { database } = this.#core;
    const found = new Set<string>();
    for (const [group, some] of Map.groupBy(changes, (change) => change.group)) {
      const users = some.map(({ user }) => user);
      const rows = await database.guarded(() =>
        database.queries
          .selectFrom("chat_member")
          .select("user_id")
          .where("group_id", "=", group)
          .where("user_id", "in", users)
          .execute(),
      );
      for (const row of rows) found.add(keyOf({ group, user: row.user_id }));
    }
    return found;
  }

  async #toHub(changes: readonly Change[], members: ReadonlySet<string>): Promise<void> {
    if (changes.length === 0) return;
    const operations = changes.map(
      (change): HubOperation => ({ op: members.has(keyOf(change)) ? "join" : "leave", ...change }),
    );
    for (const result of await this.#core.hub.batch(operations))
      if ("error" in result) throw new TidingsError(result.error.code, result.error.message);
  }

  async #forget(changes: readonly Change[]): Promise<void> {
    const { database } = this.#core;
    for (const [group, some] of Map.groupBy(changes, (change) => change.group)) {
      for (let from = 0; from < some.length; from += ROWS) {
        const users = some.slice(from, from + ROWS).map(({ user }) => user);
        await database.guarded(() =>
          database.queries
            .deleteFrom("chat_change")
            .where("group_id", "=", group)
            .where("user_id", "in", users)
            .execute(),
        );
      }
    }
  }
}

const keyOf = ({ group, user }: Change): string => JSON.stringify([group, user]);

/** Values that only one of two sets has. */
const differing = (one: ReadonlySet<string>, other: ReadonlySet<string>): string[] => [
  ...[...one].filter((value) => !other.has(value)),
  ...[...other].filter((value) => !one.has(value)),
];
