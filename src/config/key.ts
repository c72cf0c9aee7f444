import type { z } from "zod";

/**
 * Part of a value that is masked: all of it, the password in a URL, what follows the scope of an API key, or the password in the target
 * of a log, which may be a URL.
 */
export type Secrecy = "value" | "password" | "scoped" | "target";

/** Unit of a key's value. */
export type Unit = "s" | "ms" | "bytes" | "%" | "messages" | "connections" | "devices" | "shards";

/** Properties of a key besides its name and schema. */
export interface KeyDetails {
  /** One line for `--help` and docs/CONFIGURATION.md. */
  readonly doc: string;
  readonly unit?: Unit;
  readonly secret?: Secrecy;
  /** Name in the environment, when it differs from the rule (`websocket.shardCount` → `WEBSOCKET_SHARD_COUNT`). */
  readonly env?: string;
  /** Description of a default that depends on other keys. */
  readonly defaultText?: string;
}

/** A leaf of the table of keys. `Value` includes `undefined` when the key is optional. */
export interface Key<Value> extends KeyDetails {
  readonly schema: z.ZodType<Value>;
  readonly default: Value;
}

/** Declares a key that always has a value. */
export const key = <Value>(schema: z.ZodType<Value>, value: Value, details: KeyDetails): Key<Value> => ({
  ...details,
  schema,
  default: value,
});

/** Declares an optional key. */
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

/** A key with its names. */
export interface NamedKey extends Key<unknown> {
  /** Path in the configuration: `websocket.shardCount`. */
  readonly path: string;
  /** Name in the environment: `WEBSOCKET_SHARD_COUNT`. */
  readonly env: string;
  /** Command line flag without dashes: `websocket-shard-count`. */
  readonly flag: string;
}

/** A word of a name: a capital, or an abbreviation and its plural as in `whitelistCIDRs`. */
const CAPITALS = /[A-Z]+s?(?![a-z])|[A-Z]/g;

/** Lists the leaves of a table with the names that follow from their paths. */
export function nameKeys(table: KeyTable, prefix = ""): NamedKey[] {
  return Object.entries(table).flatMap(([name, entry]) => {
    const path = prefix + name;
    if (!isKey(entry)) return nameKeys(entry, `${path}.`);
    const kebab = path.replaceAll(".", "-").replaceAll(CAPITALS, (word) => `-${word.toLowerCase()}`);
    return [{ ...entry, path, flag: kebab, env: entry.env ?? kebab.replaceAll("-", "_").toUpperCase() }];
  });
}
