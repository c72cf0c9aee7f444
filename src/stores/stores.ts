/** What a client shows, as stores without a framework: src/react uses them, and Vue, Svelte and others can. */
export {
  type ChannelMessages,
  type MessagesOptions,
  type MessagesStore,
  messagesStore,
  NO_MESSAGES,
  type StoredMessage,
} from "./messages/messages.ts";
export { NO_PRESENCE, type Presence, presenceStore, type WatchedUsers } from "./presence.ts";
export { type Readable, toReadable } from "./readable.ts";
export {
  NO_REPLY,
  type RequestData,
  type Requested,
  type RequestStore,
  requestStore,
} from "./request.ts";
export { NO_ROOM, type Room, type RoomOptions, type RoomStore, roomStore } from "./room.ts";
export {
  type SendingStore,
  type SendState,
  type SentMessage,
  sendingStore,
} from "./sending.ts";
export type { Store } from "./snapshots.ts";
export { type ClientStatus, NO_CLIENT, statusStore } from "./status.ts";
export type { AnyClient, DeclaredOf, StoreClient } from "./store-client.ts";
export { NO_UNREAD, type Unread, type UnreadStore, unreadStore } from "./unread.ts";
