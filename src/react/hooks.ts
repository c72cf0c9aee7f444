import { useEffect, useInsertionEffect, useMemo, useRef } from "react";
import type { Channel, EventName, Message, Outgoing, Receipt, SendOptions } from "../client/client.ts";
import {
  type ChannelMessages,
  type ClientStatus,
  type MessagesOptions,
  messagesStore,
  NO_CLIENT,
  NO_MESSAGES,
  NO_PRESENCE,
  NO_REPLY,
  NO_ROOM,
  NO_UNREAD,
  type Presence,
  presenceStore,
  type Requested,
  type Room,
  type RoomOptions,
  requestStore,
  roomStore,
  type SentMessage,
  type StoreClient,
  sendingStore,
  statusStore,
  type Unread,
  unreadStore,
  type WatchedUsers,
} from "../stores/stores.ts";
import { useAnyClient } from "./context.ts";
import { useStore } from "./use-store.ts";

type Undeclared = Record<string, unknown>;

/** Messages of a channel, and a function that reads older ones. */
export interface UseMessages<Declared> extends ChannelMessages<Declared> {
  /** Reads a page of older messages into the list. Never rejects: `error` says what went wrong. */
  loadOlder(): Promise<void>;
}

/** Functions to send messages, and what becomes of those that were sent. */
export interface UseSend<Declared> {
  /** As `client.send`. Rejects with an Error while there is no client. A rejection that nobody awaits ends no program. */
  send(message: Outgoing<Declared>, options?: SendOptions): Promise<Receipt>;
  /** Messages that were sent with `send` of any component, oldest first: all that are under way, and the last 100 others. */
  readonly sent: readonly SentMessage<Declared>[];
  /** Sends a message that failed once more. It is stored once. */
  retry(key: string): Promise<Receipt>;
  /** Takes a message from `sent`. */
  discard(key: string): void;
}

export interface UseRoom extends Room {
  /** Joins the group with other data of the user. Rejects with the server's error. */
  update(data: unknown): Promise<void>;
}

export interface UseUnread extends Unread {
  /** Marks a conversation as read, up to a message, or whole. Rejects with the server's error. */
  markRead(group: string, offset?: number): Promise<void>;
  /** Reads the counts again, such as after a `chat.send` of this client into a conversation with unread messages. Never rejects. */
  refresh(): Promise<void>;
}

export interface UseRequest<Reply> extends Requested<Reply> {
  /** Asks again. The former reply stays until the next one is there. Never rejects. */
  refresh(): Promise<void>;
}

/** How a request is made. */
export interface UseRequestOptions {
  /** False: do not ask yet. @default true */
  readonly enabled?: boolean | undefined;
}

/** Rejects quietly: what nobody awaits ends no program. */
function noClient(): Promise<never> {
  const rejected = Promise.reject(new Error("no client yet: the provider has null"));
  rejected.catch(() => {});
  return rejected;
}

const nothing = async (): Promise<void> => {};

/** The client of the provider; null while it has none. */
export function useClient<Declared extends object = Undeclared>(): StoreClient<Declared> | null {
  return useAnyClient() as StoreClient<Declared> | null; // the application knows what it gave to the provider
}

/** State of the client; `none` while there is no client. */
export function useStatus(): ClientStatus {
  const client = useAnyClient();
  return useStore(client ? statusStore(client) : undefined, NO_CLIENT);
}

/**
 * Listens to messages of a type while the component is there. The listener may be another one in each render. A message counts as handled when
 * its promise has ended, as with `client.on`.
 */
export function useEvent<
  Declared extends object = Undeclared,
  Type extends EventName<Declared> = EventName<Declared>,
>(type: Type, listener: (message: Message<Declared, Type>) => unknown): void {
  const client = useClient<Declared>();
  const newest = useRef(listener);
  useInsertionEffect(() => {
    newest.current = listener;
  });
  useEffect(() => client?.on(type, (message) => newest.current(message)), [client, type]);
}

/**
 * Stored messages of a channel: history and live messages as one list. Without a channel there is none. Name the `types` to list: without them every stored
 * message of the client counts as handled, and a listener that comes later does not hear it.
 */
export function useMessages<Declared extends object = Undeclared>(
  channel: Channel | undefined,
  options?: MessagesOptions,
): UseMessages<Declared> {
  const client = useAnyClient();
  const store = client && channel !== undefined ? messagesStore(client, channel, options) : undefined;
  const snapshot = useStore<ChannelMessages>(store, NO_MESSAGES);
  const result = useMemo(() => ({ ...snapshot, loadOlder: store?.loadOlder ?? nothing }), [snapshot, store]);
  return result as unknown as UseMessages<Declared>; // the declaration says what is in the messages
}

const NONE: readonly never[] = [];

/** Sends messages and shows what becomes of them. */
export function useSend<Declared extends object = Undeclared>(): UseSend<Declared> {
  const client = useAnyClient();
  const store = client ? sendingStore(client) : undefined;
  const sent = useStore<readonly SentMessage[]>(store, NONE);
  const result = useMemo(() => {
    const { send = noClient, retry = noClient, discard = nothing } = store ?? {};
    return { sent, send, retry, discard };
  }, [sent, store]);
  return result as unknown as UseSend<Declared>; // the declaration says what is sent
}

/** Users who have joined a group, with their data there. Without a group there is none. */
export function useRoom(group: string | undefined, options?: RoomOptions): UseRoom {
  const client = useAnyClient();
  const store = client && group !== undefined ? roomStore(client, group, options) : undefined;
  const room = useStore(store, NO_ROOM);
  return useMemo(() => ({ ...room, update: store?.update ?? noClient }), [room, store]);
}

/** Which of some users are online. A new list of the same users changes nothing. */
export function usePresence(users: WatchedUsers | undefined): Presence {
  const client = useAnyClient();
  return useStore(client && users ? presenceStore(client, users) : undefined, NO_PRESENCE);
}

/** Unread messages of the user's conversations in the chat backend. */
export function useUnread(): UseUnread {
  const client = useAnyClient();
  const store = client ? unreadStore(client) : undefined;
  const unread = useStore(store, NO_UNREAD);
  return useMemo(() => {
    const { markRead = noClient, refresh = nothing } = store ?? {};
    return { ...unread, markRead, refresh };
  }, [unread, store]);
}

/**
 * Reply to a request that only asks. Data of equal JSON are one request, which components share. For a request that changes something call
 * `client.request`.
 */
export function useRequest<Reply = unknown>(
  action: string,
  data?: unknown,
  { enabled = true }: UseRequestOptions = {},
): UseRequest<Reply> {
  const client = useAnyClient();
  const store = client && enabled ? requestStore<Reply>(client, action, data) : undefined;
  const reply = useStore<Requested<Reply>>(store, NO_REPLY);
  return useMemo(() => ({ ...reply, refresh: store?.refresh ?? nothing }), [reply, store]);
}
