"use client";

/** Hooks of React for a client of the hub. */
export { type ProviderProps, TidingsProvider } from "./context.ts";
export { createHooks, type Hooks, type UseRequestArguments } from "./create-hooks.ts";
export {
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
export { useStore } from "./use-store.ts";
