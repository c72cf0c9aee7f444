import type { DatabaseSync } from "node:sqlite";
import type { LocalNode } from "../local-node.ts";
import type { Health } from "../port.ts";
import { SqliteBroker } from "./broker.ts";
import { Checkpoints, FileWatch, openFile } from "./file/file.ts";
import { Histories } from "./history/histories.ts";
import { Life } from "./history/life.ts";
import type { HistoryLimits } from "./history/limits.ts";
import { Relief } from "./history/relief.ts";
import { Housekeeping } from "./housekeeping.ts";
import { SqliteBlocks } from "./state/blocks.ts";
import { SqliteCursors } from "./state/cursors.ts";
import { SqliteIdempotency } from "./state/idempotency.ts";
import { SqliteMemberships } from "./state/memberships.ts";
import { SqliteSettings } from "./state/settings.ts";
import { Writer } from "./writer.ts";

export interface StoreOptions {
  readonly directory: string;
  readonly history: HistoryLimits;
  readonly sync?: "normal" | "full";
  readonly idempotencyWindowMs?: number;
  readonly now: () => number;
  readonly node: LocalNode;
  readonly health: Health;
}

/** The open file, and everything that reads and changes it. */
export interface Store {
  readonly broker: SqliteBroker;
  readonly idempotency: SqliteIdempotency;
  readonly cursors: SqliteCursors;
  readonly memberships: SqliteMemberships;
  readonly blocks: SqliteBlocks;
  readonly settings: SqliteSettings;
  /** Resolves after a change was committed, and a look at the file. */
  probe(): Promise<void>;
  /** Writes what waits, and closes the file. */
  close(): Promise<void>;
}

/** @throws TidingsError as `openFile` does */
export function openStore(options: StoreOptions): Store {
  const file = openFile(options.directory);
  try {
    return storeOn(file, options);
  } catch (error) {
    file.close();
    throw error;
  }
}

function storeOn(
  file: ReturnType<typeof openFile>,
  { history, sync = "normal", idempotencyWindowMs = 300_000, now, node, health }: StoreOptions,
): Store {
  const { db } = file;
  const life = new Life(db);
  life.begin(sync);
  const histories = new Histories(db, history, now);
  const relief = new Relief(histories);
  const writer: Writer = new Writer(db, {
    health,
    finish() {
      histories.settleSurplus(broker.inUse);
      relief.run(broker.inUse);
      broker.inUse.clear();
    },
    rolledBack() {
      broker.inUse.clear();
      histories.reload();
    },
    committed(changes) {
      histories.committed();
      checkpoints.changed(changes);
      for (const { channel, position } of histories.takeLosses()) node.sink.lost(channel, position);
    },
    sync: sync === "full" ? () => checkpoints.sync() : undefined,
  });
  const checkpoints = new Checkpoints(file, writer);
  const idempotency = new SqliteIdempotency(db, writer, idempotencyWindowMs, now);
  const broker = new SqliteBroker({ node, writer, histories, idempotency });
  const parts = {
    broker,
    idempotency,
    cursors: new SqliteCursors(node, db, writer, histories),
    memberships: new SqliteMemberships(db, writer),
    blocks: new SqliteBlocks(db, writer, now),
    settings: new SqliteSettings(db, writer),
  };
  // At last: it works on its own, and a damaged file may have failed before.
  const housekeeping = new Housekeeping(db, writer, histories, idempotency, now);
  const watch = new FileWatch(file, health);
  return {
    ...parts,
    async probe() {
      await watch.look();
      await writer.write(() => undefined);
    },
    async close() {
      watch.stop();
      housekeeping.stop();
      try {
        await writer.stop();
        settleAll(db, histories);
        await checkpoints.stop();
        life.end();
      } finally {
        file.close();
      }
    },
  };
}

/** Leaves nothing among the arrivals: the next start need not read them. Without room on the disk they stay there. */
function settleAll(db: DatabaseSync, histories: Histories): void {
  try {
    db.exec("BEGIN IMMEDIATE");
    histories.settleAll();
    db.exec("COMMIT");
  } catch {
    if (db.isTransaction) db.exec("ROLLBACK");
  }
}
