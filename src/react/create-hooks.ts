import type { ReactElement } from "react";
import type { Channel, EventName, Message } from "../client/client.ts";
import type { ActionName, ReplyOf, RequestInput, UndeclaredName } from "../protocol/protocol.ts";
import type {
  ClientStatus,
  MessagesOptions,
  Presence,
  RoomOptions,
  StoreClient,
  WatchedUsers,
} from "../stores/stores.ts";
import { type ProviderProps, TidingsProvider } from "./context.ts";
import {
  type UseMessages,
  type UseRequest,
  type UseRequestOptions,
  type UseRoom,
  type UseSend,
  type UseUnread,
  useClient,
  useEvent,
  useMessages,
  usePresence,
  useRequest,
  useRoom,
  useSend,
  useStatus,
  useUnread,
} from "./hooks.ts";

/** Arguments of a request after its name. The data is optional where its type allows `undefined`. */
export type UseRequestArguments<Input> = undefined extends Input
  ? [data?: Input, options?: UseRequestOptions]
  : [data: Input, options?: UseRequestOptions];

/** The provider and the hooks, with the types of one declaration. */
export interface Hooks<Declared extends object> {
  TidingsProvider(props: ProviderProps<StoreClient<Declared>>): ReactElement;
  useClient(): StoreClient<Declared> | null;
  useStatus(): ClientStatus;
  useEvent<Type extends EventName<Declared>>(
    type: Type,
    listener: (message: Message<Declared, Type>) => unknown,
  ): void;
  useMessages(
    channel: Channel | undefined,
    options?: MessagesOptions & { readonly types?: readonly EventName<Declared>[] | undefined },
  ): UseMessages<Declared>;
  useSend(): UseSend<Declared>;
  useRoom(group: string | undefined, options?: RoomOptions): UseRoom;
  usePresence(users: WatchedUsers | undefined): Presence;
  useUnread(): UseUnread;
  useRequest<Name extends ActionName<Declared>>(
    action: Name,
    ...given: UseRequestArguments<RequestInput<Declared, Name>>
  ): UseRequest<ReplyOf<Declared, Name>>;
  useRequest<Reply = unknown>(
    action: UndeclaredName<Declared>,
    data?: unknown,
    options?: UseRequestOptions,
  ): UseRequest<Reply>;
}

/**
 * The provider and the hooks for an application that declares its messages and requests. It makes nothing new: these are the same functions, and a
 * client of `connect<Declared>` fits them.
 *
 * @example
 * export const { TidingsProvider, useMessages, useSend } = createHooks<typeof api>();
 *
 * @typeParam Declared `typeof api` of `defineApi`, imported as a type, or an interface that maps types to data
 */
export function createHooks<Declared extends object>(): Hooks<Declared> {
  const hooks = {
    ...{ TidingsProvider, useClient, useStatus, useEvent, useMessages, useSend },
    ...{ useRoom, usePresence, useUnread, useRequest },
  };
  return hooks as unknown as Hooks<Declared>; // the declaration says what passes through them
}
