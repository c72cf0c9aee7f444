import type { Transaction } from "kysely";
import type { Directory } from "../accounts/directory.ts";
import type { Announcements } from "../announcements.ts";
import { type Core, PREFIX, reportFailure } from "../core.ts";
import { folded, type Tables } from "../database/database.ts";
import type { Following } from "../following.ts";
import { addMember, type ReadMark } from "../groups/membership.ts";
import { CHAT_TYPE } from "./content.ts";

const GROUP = `${PREFIX}demo`;
const NAME = "Say hello";
/** Not `robot`, which the example's robot registers. */
const ROBOT = "demo-robot";

interface DemoPorts extends Core {
  readonly directory: Directory;
  readonly following: Following;
  readonly announcements: Announcements;
  readonly headOf: (group: string, user: string) => Promise<ReadMark>;
}

/** A message that was published. */
interface Heard {
  readonly type: string;
  readonly channel: string;
  readonly from?: string | undefined;
  /** The data as JSON text. */
  readonly body: string;
}

/** A group with a robot, for the first look at a chat: each new user is in it. The robot writes on the server and has no connection. */
export class Demo {
  readonly #ports: DemoPorts;

  constructor(ports: DemoPorts) {
    this.#ports = ports;
  }

  /** Puts a new user into the group, which it makes for the first one. A failure is reported: the account is there anyway. */
  async welcome(user: string): Promise<void> {
    const { database, directory, following, announcements, headOf } = this.#ports;
    try {
      await directory.insert({ user: ROBOT, name: "Robot", password: null }, "ignore");
      const head = await headOf(GROUP, user);
      await database.change(async (queries) => {
        await this.#begin(queries);
        await addMember(queries, this.#ports, { group: GROUP, user, role: "member" }, head);
      });
      await following.apply([ROBOT, user].map((each) => ({ group: GROUP, user: each })));
      announcements.add(GROUP, NAME, user, "group");
      await this.#say(`Welcome, ${user}! I am a robot: I answer messages with the word robot in them.`);
    } catch (error) {
      reportFailure(this.#ports, "demo group", error);
    }
  }

  /** Answers a message in the group that has the word robot in it. */
  hear({ type, channel, from, body }: Heard): void {
    if (channel !== `group:${GROUP}` || type !== CHAT_TYPE || from === undefined || from === ROBOT) return;
    const { text } = JSON.parse(body) as { readonly text?: string }; // the chat has checked it
    if (text === undefined || !/robot/i.test(text)) return;
    const answer = /time/i.test(text)
      ? `It is ${new Date().toISOString().slice(11, 16)} UTC.`
      : `Hello, ${from}! I also know the time.`;
    this.#say(answer).catch((error: unknown) => reportFailure(this.#ports, "demo robot", error));
  }

  async #say(text: string): Promise<void> {
    await this.#ports.hub.group(GROUP).send({ type: CHAT_TYPE, data: { text }, from: ROBOT });
  }

  async #begin(queries: Transaction<Tables>): Promise<void> {
    const row = {
      ...{ group_id: GROUP, kind: "group" as const, pair: null, name: NAME, folded_name: folded(NAME) },
      ...{ is_open: 1, announce: "group" as const, member_count: 0, created_at: Date.now() },
      max_members: this.#ports.settings.limits.membersPerGroup,
    };
    const { numInsertedOrUpdatedRows } = await queries
      .insertInto("chat_group")
      .values(row)
      .onConflict((known) => known.doNothing())
      .executeTakeFirst();
    if (numInsertedOrUpdatedRows === 0n) return;
    const robot = { group: GROUP, user: ROBOT, role: "owner" } as const;
    await addMember(queries, this.#ports, robot, { epoch: "", offset: 0 });
  }
}
