import type { Client, HistoryPage } from "../client/client.ts";

/** Parts of a client that do not depend on what the application declares. */
type Plain = "state" | "user" | "positions" | "onStatus" | "onPresence" | "watchPresence" | "join" | "leave";

/** Parts of a client that the stores use. Another object with these methods serves as well. */
export type StoreClient<Declared extends object = Record<string, unknown>> = Pick<
  Client<Declared>,
  Plain | "on" | "send" | "request" | "history"
>;

/** A client of any declaration. */
export type AnyClient = Pick<Client, Plain>;

/** What the application declared for a client: `Declared` of {@link StoreClient}. */
export type DeclaredOf<Given> = Given extends {
  history(...given: never): Promise<HistoryPage<infer Declared extends object>>;
}
  ? Declared
  : Record<string, unknown>;

/** A client without its declaration. Types of messages are checked where an application meets a store. */
export const untyped = (client: AnyClient): StoreClient => client as StoreClient;

/** Group of a channel; undefined for `user:` channels and `all`. */
export const groupOf = (channel: string): string | undefined =>
  channel.startsWith("group:") ? channel.slice("group:".length) : undefined;
