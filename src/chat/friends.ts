import { z } from "zod";
import type { Budget } from "./accounts/budget.ts";
import type { Directory } from "./accounts/directory.ts";
import { tellChanged } from "./changed.ts";
import { type Core, forbidden, notFound, tooMany } from "./core.ts";
import type { Queries } from "./database/database.ts";
import { type Operation, operation, person, personOf, user } from "./operation.ts";
import { pairOf, type Rights } from "./rights.ts";

interface FriendPorts extends Core {
  readonly budget: Budget;
  readonly directory: Directory;
  readonly rights: Rights;
}

const other = z.object({ user });

/** Requests of others that are listed, the newest: everybody may ask. */
const MOST_RECEIVED = 1_000;

const friendState = z.object({
  state: z
    .enum(["requested", "friend"])
    .meta({ description: "`requested`: the other user has not accepted yet." }),
});

/** Operations about friends and blocks. */
export const friendOperations = (ports: FriendPorts): Operation[] => [
  listFriends(ports),
  operation({
    name: "befriend",
    summary: "Ask a user to be a friend, or accept the request of that user",
    changes: "friends",
    takes: other,
    gives: friendState,
    handle: (caller, given) => befriend(ports, caller.user, given.user),
  }),
  operation({
    name: "unfriend",
    summary: "End a friendship, decline a request, or take the own one back",
    changes: "friends",
    takes: other,
    async handle(caller, given) {
      const { numDeletedRows } = await ports.database.queries
        .deleteFrom("chat_friend")
        .where(({ eb, or, and }) =>
          or([
            and([eb("user_id", "=", caller.user), eb("other_id", "=", given.user)]),
            and([eb("user_id", "=", given.user), eb("other_id", "=", caller.user)]),
          ]),
        )
        .executeTakeFirst();
      if (numDeletedRows > 0n) tellChanged(ports, [given.user], "friends");
      return undefined;
    },
  }),
  ...blockOperations(ports),
];

async function befriend(
  { hub, database, directory, rights, budget, settings }: FriendPorts,
  from: string,
  to: string,
): Promise<z.input<typeof friendState>> {
  if (from === to) throw forbidden("you are no friend of yourself");
  await directory.assertKnown(to);
  const created_at = Date.now();
  let isNew = true;
  const state = await database.change(async (queries) => {
    // Two users who ask each other at once are friends, and a block at the same moment counts.
    await database.lock(queries, pairOf(from, to));
    if (await rights.isBlocked(from, to, queries)) throw forbidden(`you may not ask ${to}`);
    const own = await stateBetween(queries, from, to);
    const asked = await stateBetween(queries, to, from);
    const state = asked === undefined ? "requested" : "friend";
    isNew = own !== state;
    if (!isNew) return state;
    if (own === undefined) {
      await database.lock(queries, `friends ${from}`);
      await assertRoom(queries, from, settings.limits.friendsPerUser);
    }
    await queries
      .insertInto("chat_friend")
      .values({ user_id: from, other_id: to, state, created_at })
      .onConflict((known) => known.columns(["user_id", "other_id"]).doUpdateSet({ state }))
      .execute();
    if (asked === "requested") {
      const accepted = { state: "friend" } as const;
      await queries
        .updateTable("chat_friend")
        .set(accepted)
        .where("user_id", "=", to)
        .where("other_id", "=", from)
        .execute();
    }
    // The notice is stored for the other user: who asks again and again must not push out what that user has missed.
    budget.spend(from, { user: from, state });
    return state;
  });
  if (isNew) await hub.user(to).send({ type: "chat.friend", data: { user: from, state }, from });
  return { state };
}

/** Reads the first user's row about the other one: `requested`, `friend`, or undefined without a row. */
async function stateBetween(queries: Queries, user: string, other: string) {
  const row = await queries
    .selectFrom("chat_friend")
    .select("state")
    .where("user_id", "=", user)
    .where("other_id", "=", other)
    .executeTakeFirst();
  return row?.state;
}

async function assertRoom(queries: Queries, user: string, most: number): Promise<void> {
  const { count } = await queries
    .selectFrom("chat_friend")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("user_id", "=", user)
    .executeTakeFirstOrThrow();
  if (Number(count) >= most) throw tooMany(`you have ${most} friends and requests already: remove some`);
}

const listFriends = ({ database }: FriendPorts): Operation =>
  operation({
    name: "friends",
    summary: "The own friends, open requests in both directions, and blocked users",
    takes: z.object({}),
    gives: z.object({
      friends: z.array(person),
      sent: z.array(person).meta({ description: "Users whom one has asked." }),
      received: z
        .array(person)
        .meta({ description: "Users who have asked, at most 1,000: the latest first." }),
      blocked: z.array(person),
    }),
    async handle({ user }) {
      const shown = ["account.user_id", "account.name", "account.picture"] as const;
      const own = await database.queries
        .selectFrom("chat_friend as friend")
        .innerJoin("chat_account as account", "account.user_id", "friend.other_id")
        .select([...shown, "friend.state"])
        .where("friend.user_id", "=", user)
        .orderBy("account.user_id")
        .execute();
      const received = await database.queries
        .selectFrom("chat_friend as friend")
        .innerJoin("chat_account as account", "account.user_id", "friend.user_id")
        .select(shown)
        .where("friend.other_id", "=", user)
        .where("friend.state", "=", "requested")
        .orderBy("friend.created_at", "desc")
        .orderBy("account.user_id")
        .limit(MOST_RECEIVED)
        .execute();
      const blocked = await database.queries
        .selectFrom("chat_block as block")
        .innerJoin("chat_account as account", "account.user_id", "block.other_id")
        .select(shown)
        .where("block.user_id", "=", user)
        .orderBy("account.user_id")
        .execute();
      return {
        friends: own.filter(({ state }) => state === "friend").map(personOf),
        sent: own.filter(({ state }) => state === "requested").map(personOf),
        received: received.map(personOf),
        blocked: blocked.map(personOf),
      };
    },
  });

const blockOperations = ({ database, directory, settings }: FriendPorts): Operation[] => [
  operation({
    name: "block",
    summary: "Block a user: neither writes to the other, a friendship ends",
    changes: "friends",
    takes: other,
    async handle(caller, given) {
      if (caller.user === given.user) throw forbidden("you cannot block yourself");
      await directory.assertKnown(given.user);
      await database.change(async (queries) => {
        await database.lock(queries, pairOf(caller.user, given.user));
        await database.lock(queries, `blocks ${caller.user}`);
        const { count } = await queries
          .selectFrom("chat_block")
          .select(({ fn }) => fn.countAll<number>().as("count"))
          .where("user_id", "=", caller.user)
          .executeTakeFirstOrThrow();
        const { blocksPerUser: most } = settings.limits;
        if (Number(count) >= most) throw tooMany(`you block ${most} users already: unblock some`);
        await queries
          .insertInto("chat_block")
          .values({ user_id: caller.user, other_id: given.user, created_at: Date.now() })
          .onConflict((known) => known.doNothing())
          .execute();
        for (const [one, two] of [
          [caller.user, given.user],
          [given.user, caller.user],
        ] as const)
          await queries
            .deleteFrom("chat_friend")
            .where("user_id", "=", one)
            .where("other_id", "=", two)
            .execute();
      });
      return undefined;
    },
  }),
  operation({
    name: "unblock",
    summary: "End a block of one's own",
    changes: "friends",
    takes: other,
    async handle(caller, given) {
      const { numDeletedRows } = await database.queries
        .deleteFrom("chat_block")
        .where("user_id", "=", caller.user)
        .where("other_id", "=", given.user)
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw notFound(`you do not block ${given.user}`);
      return undefined;
    },
  }),
];
