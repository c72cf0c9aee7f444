import type { Client, Member } from "../../../../src/client/client.ts";
import { watchRoom } from "../../../../src/client/rooms.ts";
import type { Events } from "../../events.ts";
import type { Conversation, GroupMember } from "../conversation.ts";

/** Members of the page that is listed. The counts are those of the whole group. */
const LISTED = 200;

/** No event tells of a durable membership that begins or ends while its user is offline, so a page that is seen reads the list again. */
const EVERY_MS = 10_000;

/** Changes within this time lead to one reading of the list. */
const COLLECT_MS = 250;

/** Watches the members of the group that is open: who has joined, live, and who belongs to it, by its list. */
export class MembersWatch {
  readonly #client: Client<Events>;
  readonly #conversation: Conversation;
  readonly #group: string;
  #unwatch: () => void;
  readonly #interval: ReturnType<typeof setInterval>;
  #joined: ReadonlyMap<string, unknown> = new Map();
  #listed: readonly Member[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasEnded = false;

  constructor(client: Client<Events>, conversation: Conversation, group: string) {
    this.#client = client;
    this.#conversation = conversation;
    this.#group = group;
    // A watch that begins without a connection asks twice: now, and when there is one.
    this.#unwatch = client.onStatus(({ type }) => type === "open" && this.#watch());
    if (client.state === "open") this.#watch();
    this.#interval = setInterval(() => document.hidden || this.#readSoon(), EVERY_MS);
  }

  stop(): void {
    this.#hasEnded = true;
    this.#unwatch();
    clearInterval(this.#interval);
    clearTimeout(this.#timer);
  }

  #watch(): void {
    this.#unwatch();
    this.#unwatch = watchRoom(this.#client, this.#group, {
      changed: (members, _changes, count) => this.#changed(members, count),
      // Too large for a watch: the list alone shows a part of it.
      failed: () => {},
    });
    this.#readSoon();
  }

  #changed(members: ReadonlyMap<string, unknown>, online: number): void {
    this.#joined = members;
    this.#show({ online });
    this.#readSoon();
  }

  #readSoon(): void {
    if (this.#client.state !== "open") return;
    this.#timer ??= setTimeout(() => void this.#read(), COLLECT_MS);
  }

  async #read(): Promise<void> {
    this.#timer = undefined;
    try {
      const { members, online, durable } = await this.#client.members(this.#group, { limit: LISTED });
      if (this.#hasEnded) return;
      this.#listed = members;
      this.#show({ online, durable });
    } catch {
      // The connection broke, or the group may not be listed: what is known stays.
    }
  }

  #show(counts: { readonly online: number; readonly durable?: number }): void {
    const { members } = this.#conversation;
    const durable = new Set(this.#listed.filter((member) => member.durable).map(({ user }) => user));
    const joined = this.#joined.size > 0 ? this.#joined : joinedOf(this.#listed);
    const listed = [...joined]
      .slice(0, LISTED)
      .map(([user, data]): GroupMember => ({ user, hasJoined: true, isDurable: durable.has(user), data }));
    const others = [...durable].filter((user) => !joined.has(user));
    const away = others.map((user): GroupMember => ({ user, hasJoined: false, isDurable: true }));
    members.value = {
      durable: 0,
      ...members.peek(),
      ...counts,
      listed: [...listed, ...away].slice(0, LISTED),
    };
  }
}

const joinedOf = (members: readonly Member[]): ReadonlyMap<string, unknown> =>
  new Map(members.filter(({ online }) => online).map(({ user, data }) => [user, data]));
