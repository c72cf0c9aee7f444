import type { Key } from "./key.ts";
import type { TABLE } from "./table.ts";

type ValueOf<Entry> = Entry extends Key<infer Value> ? Value : ShapeOf<Entry>;

/** Names of the optional leaves. */
type UnsetNames<Table> = {
  [Name in keyof Table]: Table[Name] extends Key<infer Value>
    ? undefined extends Value
      ? Name
      : never
    : never;
}[keyof Table];

/** Flattens an intersection, so that editors show its keys. */
type Flat<T> = T extends infer Whole ? { [Name in keyof Whole]: Whole[Name] } : never;

type ShapeOf<Table> = Flat<
  { readonly [Name in Exclude<keyof Table, UnsetNames<Table>>]: ValueOf<Table[Name]> } & {
    readonly [Name in UnsetNames<Table>]?: Exclude<ValueOf<Table[Name]>, undefined>;
  }
>;

type AnySubsetOf<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [Name in keyof T]?: AnySubsetOf<T[Name]> | undefined }
    : T;

/** The whole configuration, resolved and frozen. Names, units and defaults: docs/CONFIGURATION.md. */
export type Config = ShapeOf<typeof TABLE>;

/** Any part of the configuration, as `createHub` accepts it. `undefined` counts as unset. */
export type ConfigInput = AnySubsetOf<Config>;
