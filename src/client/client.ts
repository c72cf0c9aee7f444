import { type ConnectOptions, resolveOptions } from "./options.ts";
import { Client } from "./running-client.ts";

/**
 * Connects to a hub and reconnects until {@link Client.close}, or until the server closes with a final code.
 * The first attempt starts after the present task, so listeners that are added at once miss nothing.
 *
 * An open client keeps a Node process alive. A closed one leaves nothing behind.
 *
 * @example
 * interface Events { chat: { text: string } }
 * const client = connect<Events>("wss://example.com/ws", { token: fetchToken });
 * client.on("chat", ({ from, data }) => show(from, data.text));
 * await client.send({ type: "chat", to: "bob", data: { text: "Hello" } });
 *
 * @typeParam Declared `typeof api` of `defineApi`, imported as a type, or an interface as in the example
 * @throws TidingsError `bad_request` when the URL is not valid, or there is no WebSocket class
 */
export function connect<Declared extends object = Record<string, unknown>>(
  url: string | URL,
  options: ConnectOptions = {},
): Client<Declared> {
  return new Client<Declared>(resolveOptions(url, options));
}

export type {
  AnyMessage,
  Channel,
  ErrorCode,
  EventMessage as Message,
  EventName,
  HistoryPage,
  Position,
  Positions,
  Receipt,
  ReceiptState,
  RoomFrame,
  RoomMemberChange,
  Target,
  Welcome,
} from "../protocol/protocol.ts";
export { isErrorCode, TidingsError } from "../protocol/protocol.ts";
export type { BackoffOptions } from "./connection/backoff.ts";
export type { SocketState } from "./connection/socket.ts";
export type { ErrorStage, Status, Unsubscribe } from "./connection/status.ts";
export type { WebSocketConstructor, WebSocketLike } from "./connection/web-socket.ts";
export type { Joined, JoinOptions, Member, MembersPage, MembersQuery } from "./messages/groups.ts";
export type { HistoryQuery } from "./messages/history.ts";
export type { DeliveryFields, Outgoing, RequestOptions, SendOptions } from "./messages/message.ts";
export type {
  Online,
  PresenceEvent,
  PresenceQuery,
  WatchedPresence,
  WatchQuery,
} from "./messages/presence.ts";
export type { ConnectOptions, PositionStorage, ReconnectOptions, TokenSource } from "./options.ts";
export { Client } from "./running-client.ts";
export type { CallOptions } from "./session/session.ts";
