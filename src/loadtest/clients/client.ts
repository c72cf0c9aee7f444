import type { Marker } from "../measure/marker.ts";
import type { Plan, Role, Stream } from "../plan.ts";
import type { Ending } from "../socket/web-socket.ts";

/** Receives the events of clients. */
export interface ClientListener {
  /** The client is connected, logged in, and in its group. */
  opened(client: Client): void;
  /** The connection is over, or never came about. */
  ended(client: Client, ending: Ending): void;
  message(client: Client, marker: Marker): void;
  /** The server took a message, or refused it for a reason. */
  answered(sent: Pending, refusal?: string): void;
  /** Something that a report counts by its name. */
  noticed(event: ClientEvent): void;
}

export type ClientEvent =
  /** A stored message came a second time on the wire, and was left out by its offset. */
  | "repeat"
  /** Stored messages were dropped on the way to a slow connection, and asked for again. */
  | "gap"
  /** The server says that stored messages are lost. */
  | "unrecovered"
  /** An error that belongs to no message. */
  | `error: ${string}`;

/** A message whose answer has not come. */
export interface Pending {
  readonly stream: number;
  readonly number: number;
  readonly plannedUs: number;
}

/** One connection of the load tester, which may break and come back. */
export interface Client {
  readonly role: Role;
  readonly isOpen: boolean;
  /** When it was to connect, in microseconds of the run: set by whoever opens it. */
  plannedUs: number;
  /** Connects. The listener hears `opened` or `ended`. */
  open(): void;
  send(stream: Stream, data: string, pending: Pending): void;
  /** Messages whose answers will never come: the connection broke. Forgets them. */
  takePending(): Pending[];
  /** How many messages wait for an answer. */
  readonly pending: number;
  /** Bytes that wait in this process, because the server does not take them. */
  readonly unsentBytes: number;
  /** Name of the node that it is connected to, where the server says so. */
  readonly node: string | undefined;
  /** Breaks the connection at once. */
  cut(): void;
  /** Ends it politely. */
  close(): void;
  /** True when nothing of it is left. */
  readonly isOver: boolean;
}

/** Makes the token of a user; undefined: the user's name is enough (development mode). */
export type TokenOf = (user: string, index: number) => Promise<string | undefined>;

export interface ClientOptions {
  readonly plan: Plan;
  readonly role: Role;
  readonly tokenOf: TokenOf;
  readonly listener: ClientListener;
}

/** The reason of an ending, in words that are equal for equal causes. */
export function wordsOf(ending: Ending): string {
  if (ending.type === "failed") return ending.reason;
  if (ending.type === "closed")
    return `close ${ending.code}${ending.reason === "" ? "" : `: ${plain(ending.reason)}`}`;
  return `HTTP ${ending.status}${ending.message === "" ? "" : `: ${plain(ending.message)}`}`;
}

/** Without what differs from one client to the next: names, addresses and numbers. */
export const plain = (text: string): string =>
  text
    .replaceAll(/bench-[0-9a-z]+-g?\d+/g, "…")
    .replaceAll(/\d+(\.\d+)* ?(ms|s)\b/g, "… $2")
    .slice(0, 160);
