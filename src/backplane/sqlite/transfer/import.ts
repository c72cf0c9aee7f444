import type { DatabaseSync } from "node:sqlite";
import { TidingsError } from "../../../protocol/protocol.ts";
import { numberOf, openFile, unavailable } from "../file/file.ts";
import { audienceOf, MESSAGE_BYTES } from "../history/columns.ts";
import { Epochs } from "../history/epochs.ts";
import { Meta } from "../history/meta.ts";
import { type Line, parseLine, wrongLine } from "./lines.ts";

export interface ImportOptions {
  /** True: what the directory has is removed first. @default false // a directory with data is refused */
  readonly replace?: boolean | undefined;
  /** True: clients go on from the positions that they have. Only for an export of a server that ran no more. @default false */
  readonly keepEpochs?: boolean | undefined;
}

export interface Imported {
  readonly lines: number;
}

const TABLES = ["channels", "messages", "arrivals", "growths", "lost_histories", "cursors", "memberships"];
const OTHERS = ["member_counts", "blocks", "settings", "keys"];

/**
 * Reads an export into a data directory: all of it, or nothing.
 * @throws TidingsError `conflict` for a directory with data, or that a server uses; `bad_request` for a line that is wrong, and an
 * export that ends early
 */
export async function importData(
  directory: string,
  lines: AsyncIterable<string> | Iterable<string>,
  { replace = false, keepEpochs = false }: ImportOptions = {},
): Promise<Imported> {
  const file = openFile(directory);
  try {
    const { db } = file;
    db.exec("BEGIN IMMEDIATE");
    if (replace) for (const table of [...TABLES, ...OTHERS]) db.exec(`DELETE FROM ${table}`);
    else assertEmpty(db, directory);
    const reader = new Reader(db);
    for await (const line of lines) if (line.trim() !== "") reader.take(line);
    reader.assertEnded();
    if (!keepEpochs) new Epochs(new Meta(db)).renewAll(db);
    db.exec("COMMIT");
    return { lines: reader.lines };
  } catch (error) {
    throw unavailable(error);
  } finally {
    file.close(); // rolls back what is not committed
  }
}

function assertEmpty(db: DatabaseSync, directory: string): void {
  const used = [...TABLES, ...OTHERS].find((table) => numberOf(db, `SELECT count(*) FROM ${table}`) > 0);
  if (used === undefined) return;
  throw new TidingsError(
    "conflict",
    `${directory} has data already (${used}). Name an empty directory, or say --replace to remove what is there`,
  );
}

/** Takes the lines of an export, in their order. */
class Reader {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #meta: Meta;
  /** Ids of the channels, which are also those of their histories. */
  readonly #channels = new Map<string, number>();
  #last = { channel: "", offset: 0, total: 0 };
  #number = 0;
  #places = 0;
  #hasEnded = false;

  constructor(db: DatabaseSync) {
    this.#statements = prepare(db);
    this.#meta = new Meta(db);
  }

  /** Lines between the first and the last. */
  get lines(): number {
    return Math.max(0, this.#number - 2);
  }

  take(text: string): void {
    const line = parseLine(text, ++this.#number);
    if ((this.#number === 1) !== (line.kind === "tidings"))
      throw wrongLine(this.#number, "is out of place: an export begins with one line of the kind tidings");
    if (this.#hasEnded) throw wrongLine(this.#number, "comes after the end of the export");
    this.#store(line);
  }

  assertEnded(): void {
    if (!this.#hasEnded)
      throw new TidingsError(
        "bad_request",
        "the export ends early: its last line, of the kind end, is missing",
      );
  }

  #store(line: Line): void {
    const { cursor, member, count, block, setting, key } = this.#statements;
    if (line.kind === "tidings") this.#meta.write("epoch", line.epoch);
    else if (line.kind === "channel") this.#channel(line);
    else if (line.kind === "message") this.#message(line);
    else if (line.kind === "cursor") {
      const { channel, user, device, epoch, offset } = line;
      cursor.run(this.#idOf(channel), user, device, epoch, offset, this.#number);
    } else if (line.kind === "membership") {
      member.run(line.group, line.user, ++this.#places);
      count.run(line.group);
    } else if (line.kind === "block") block.run(line.user, line.endsAt);
    else if (line.kind === "setting") setting.run(line.name, line.value);
    else if (line.kind === "key") {
      const { id = null, timestamp = null, epoch = null, offset = null, receipt = null } = line;
      key.run(line.key, id, timestamp, epoch, offset, receipt, line.expiresAt);
    } else this.#end(line.lines);
  }

  #channel({ channel, epoch, last, lostAt }: Extract<Line, { kind: "channel" }>): void {
    const id = this.#channels.size + 1;
    this.#channels.set(channel, id);
    this.#statements.channel.run(id, channel, id, epoch, last, lostAt, Date.now());
  }

  #message(line: Extract<Line, { kind: "message" }>): void {
    const { channel, offset, id, type, from = null, timestamp, body } = line;
    const history = this.#idOf(channel);
    const last = this.#last.channel === channel ? this.#last : { channel, offset: offset - 1, total: 0 };
    if (offset !== last.offset + 1)
      throw wrongLine(this.#number, `has offset ${offset} of ${channel}, expected ${last.offset + 1}`);
    const size = MESSAGE_BYTES + Buffer.byteLength(body);
    const total = last.total + size;
    const audience = audienceOf(line);
    this.#statements.message.run(history, offset, id, type, from, timestamp, body, audience, size, total);
    this.#statements.bytes.run(total, history);
    this.#last = { channel, offset, total };
  }

  #idOf(channel: string): number {
    const id = this.#channels.get(channel);
    if (id === undefined) throw wrongLine(this.#number, `names ${channel}, which has no line before`);
    return id;
  }

  #end(lines: number): void {
    if (lines !== this.#number - 2)
      throw wrongLine(this.#number, `ends an export of ${lines} lines, and there were ${this.#number - 2}`);
    this.#hasEnded = true;
  }
}

const prepare = (db: DatabaseSync) => ({
  channel: db.prepare(
    "INSERT INTO channels (id, name, history, epoch, last, total, lost_at, bytes, used_at) VALUES (?, ?, ?, ?, ?, 0, ?, 0, ?)",
  ),
  bytes: db.prepare("UPDATE channels SET bytes = ? WHERE id = ?"),
  message: db.prepare(
    "INSERT INTO messages (history, offset, id, type, sender, timestamp, body, audience, size, total) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  ),
  cursor: db.prepare(
    "INSERT INTO cursors (channel, user, device, epoch, offset, moved) VALUES (?, ?, ?, ?, ?, ?)",
  ),
  member: db.prepare(`INSERT INTO memberships ("group", user, place) VALUES (?, ?, ?)`),
  count: db.prepare(
    `INSERT INTO member_counts ("group", members) VALUES (?, 1) ON CONFLICT DO UPDATE SET members = members + 1`,
  ),
  block: db.prepare("INSERT INTO blocks (user, ends_at) VALUES (?, ?)"),
  setting: db.prepare("INSERT INTO settings (name, value) VALUES (?, ?)"),
  key: db.prepare(
    "INSERT INTO keys (key, id, timestamp, epoch, offset, receipt, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
  ),
});
