import type { DatabaseSync } from "node:sqlite";
import { type Channel, type Position, TidingsError } from "../../../protocol/protocol.ts";
import { type Cursors, UNKNOWN } from "../../cursors.ts";
import type { LocalNode } from "../../local-node.ts";
import { Watches } from "../../single/single.ts";
import { reading } from "../file/file.ts";
import type { Histories } from "../history/histories.ts";
import type { Writer } from "../writer.ts";

const MICROSECONDS = 1_000;

/** Cursors, kept with their channel. They outlive its messages. */
export class SqliteCursors implements Cursors {
  readonly #node: LocalNode;
  readonly #writer: Writer;
  readonly #histories: Histories;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #watches = new Watches();
  /** Number of the last move. It rises over restarts, as the clock does, and within a millisecond. */
  #moves = 0;

  constructor(node: LocalNode, db: DatabaseSync, writer: Writer, histories: Histories) {
    this.#node = node;
    this.#writer = writer;
    this.#histories = histories;
    this.#statements = prepare(db);
  }

  async read(user: string, device: string, channels: readonly Channel[]): Promise<(Position | undefined)[]> {
    return reading(() => channels.map((channel) => this.#cursorOf(user, device, channel)));
  }

  #cursorOf(user: string, device: string, channel: Channel): Position | undefined {
    const state = this.#histories.find(channel);
    if (state === undefined) return undefined;
    const cursor = this.#statements.find.get(state.id, user, device) as Position | undefined; // by the statement
    if (cursor !== undefined) return { epoch: cursor.epoch, offset: cursor.offset };
    // The device may be one whose cursor was dropped, and it may have missed what the history does not have any more.
    const isWhole = state.first === 1 && !this.#histories.hasLost(state);
    return !isWhole && this.#count(state.id, user) >= this.#histories.limits.devicesPerUser
      ? UNKNOWN
      : undefined;
  }

  async move(
    user: string,
    device: string,
    channel: Channel,
    to: { offset: number; epoch?: string },
  ): Promise<number> {
    const moved = await this.#writer.write(() => this.#move(user, device, channel, to));
    if (moved.isNew && this.#watches.has(channel)) this.#node.sink.acknowledged(channel, user, moved.offset);
    return moved.offset;
  }

  /** To be called in a transaction. It changes nothing before it throws. */
  #move(user: string, device: string, channel: Channel, to: { offset: number; epoch?: string }) {
    const { offset } = to;
    const known = this.#histories.find(channel);
    const { epoch, last } = known ?? { epoch: this.#histories.epochs.base, last: 0 };
    if (to.epoch !== undefined && to.epoch !== epoch) {
      throw new TidingsError("conflict", `epoch: the present epoch of ${channel} is ${epoch}`);
    }
    if (offset > last) {
      throw new TidingsError("bad_request", `offset: the last offset of ${channel} is ${last}`);
    }
    const { id } = known ?? this.#histories.open(channel);
    const before = this.#statements.find.get(id, user, device) as Position | undefined; // by the statement
    if (before?.epoch === epoch && before.offset >= offset) return { offset: before.offset, isNew: false };
    this.#moves = Math.max(this.#moves + 1, Date.now() * MICROSECONDS);
    this.#statements.set.run(id, user, device, epoch, offset, this.#moves);
    if (before === undefined) this.#dropOldest(id, user);
    return { offset, isNew: true };
  }

  #dropOldest(id: number, user: string): void {
    const excess = this.#count(id, user) - this.#histories.limits.devicesPerUser;
    if (excess > 0) this.#statements.drop.run(id, user, id, user, excess);
  }

  #count(id: number, user: string): number {
    return Number(this.#statements.count.get(id, user)?.devices);
  }

  async watch(channel: Channel): Promise<() => void> {
    this.#node.assertStarted();
    return this.#watches.add(channel);
  }
}

const prepare = (db: DatabaseSync) => ({
  find: db.prepare("SELECT epoch, offset FROM cursors WHERE channel = ? AND user = ? AND device = ?"),
  set: db.prepare(
    "INSERT OR REPLACE INTO cursors (channel, user, device, epoch, offset, moved) VALUES (?, ?, ?, ?, ?, ?)",
  ),
  count: db.prepare("SELECT count(*) AS devices FROM cursors WHERE channel = ? AND user = ?"),
  drop: db.prepare(
    "DELETE FROM cursors WHERE channel = ? AND user = ? AND device IN " +
      "(SELECT device FROM cursors WHERE channel = ? AND user = ? ORDER BY moved LIMIT ?)",
  ),
});
