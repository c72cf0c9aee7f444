import type { z } from "zod";

/** How a value is hidden when it is shown: all of it, or the password within a URL. */
export type Secrecy = "value" | "password";

/** What a key counts in. */
export type Unit = "s" | "ms" | "bytes" | "messages" | "connections" | "shards";

/** What is known about a key apart from its name. */
export interface KeyDetails {
  /** One line for `--help` and docs/CONFIGURATION.md. */
  readonly doc: string;
  readonly unit?: Unit;
  readonly secret?: Secrecy;
  /** The environment name, where the rule (`websocket.shardCount` → `WEBSOCKET_SHARD_COUNT`) does not give it. */
  readonly env?: string;
  /** Words for a default that depends on other keys. */
  readonly defaultText?: string;
}

/** A leaf of the table of keys. `Value` includes `undefined` when the key may stay unset. */
export interface Key<Value> extends KeyDetails {
  readonly schema: z.ZodType<Value>;
  readonly default: Value;
}

/** A key that always has a value. */
export const key = <Value>(schema: z.ZodType<Value>, value: Value, details: KeyDetails): Key<Value> => ({
  ...details,
  schema,
  default: value,
});

/** A key that may stay unset. */
export const optional = <Value>(schema: z.ZodType<Value>, details: KeyDetails): Key<Value | undefined> => ({
  ...details,
  schema,
  default: undefined,
});

/** A table of keys: leaves, and groups of them. */
export interface KeyTable {
  readonly [name: string]: Key<unknown> | KeyTable;
}

/** Tells a leaf of the table from a group. */
export const isKey = (entry: Key<unknown> | KeyTable): entry is Key<unknown> => "schema" in entry;

/** A key with the names it goes by. */
export interface NamedKey extends Key<unknown> {
  /** Its place in the configuration: `websocket.shardCount`. */
  readonly path: string;
  /** Its name in the environment: `WEBSOCKET_SHARD_COUNT`. */
  readonly env: string;
  /** Its command line flag without the dashes: `websocket-shard-count`. */
  readonly flag: string;
}

/** Lists the leaves of a table with the names that follow from their place. */
export function nameKeys(table: KeyTable, prefix = ""): NamedKey[] {
  return Object.entries(table).flatMap(([name, entry]) => {
    const path = prefix + name;
    if (!isKey(entry)) return nameKeys(entry, `${path}.`);
    const kebab = path.replaceAll(".", "-").replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
    return [{ ...entry, path, flag: kebab, env: entry.env ?? kebab.replaceAll("-", "_").toUpperCase() }];
  });
}
