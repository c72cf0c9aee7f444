import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { TidingsError } from "../../protocol/protocol.ts";
import type { MessageSink } from "../sink.ts";
import type { Dialect } from "../sql/conditions.ts";
import { searchMessages } from "../sql/search.ts";
import { DatabaseThread } from "./thread.ts";

const SQLITE: Dialect = {
  placeholder: (number) => `?${number}`,
  contains: (expression, placeholder) => `instr(${expression}, ${placeholder}) > 0`,
  pattern: (text) => text,
  inTime: "in_time(sent_at)",
};

/**
 * Makes a sink that writes to a SQLite file, in a thread of its own; searches have another one. Several processes may share the file.
 * @param path the file; it is made with its directory where it is missing
 * @throws TidingsError `bad_request` for a directory that cannot be made. `open` rejects with `bad_request` for a file that cannot be
 * opened, is no database or has a newer version
 */
export function sqliteSink(path: string): MessageSink {
  const file = resolve(path); // the working directory may change
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(file, error);
  }
  const writer = new DatabaseThread({ path: file, isReader: false });
  const reader = new DatabaseThread({ path: file, isReader: true });
  return {
    async open() {
      await writer.run({ do: "open" }).catch((error: unknown) => {
        throw unusable(file, error);
      });
    },
    async write(records, refuse) {
      for (const [place, reason] of await writer.run({ do: "write", records })) {
        const record = records[place];
        if (record !== undefined) refuse(record, reason);
      }
    },
    search: (query) =>
      searchMessages((sql, values) => reader.run({ do: "query", sql, values }), SQLITE, query),
    expire: (before) => writer.run({ do: "expire", before }),
    async close() {
      await Promise.all([writer.close(), reader.close()]);
    },
  };
}

const unusable = (file: string, error: unknown): TidingsError => {
  const reason = error instanceof Error ? error.message : String(error);
  return new TidingsError(
    "bad_request",
    `messageLog: expected a SQLite file that can be written: ${file}: ${reason}`,
  );
};
