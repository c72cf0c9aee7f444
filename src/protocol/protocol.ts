/** The wire format, shared by the server and the SDK. docs/PROTOCOL.md is the normative text. */
export { acceptedValue, checkData, isSchema } from "./api/check.ts";
export type { ActionSchemas, ApiDeclaration, EventSchemas } from "./api/declaration.ts";
export { defineApi } from "./api/define.ts";
export type {
  ActionName,
  HandlerInput,
  HandlerResult,
  ReceivedEvents,
  ReplyOf,
  RequestInput,
  SentEvents,
  UndeclaredName,
} from "./api/inferred.ts";
export type { StandardSchema } from "./api/standard-schema.ts";
export type { Backoff } from "./backoff.ts";
export { backoff } from "./backoff.ts";
export type { Channel, Target } from "./channel.ts";
export {
  channelOf,
  groupChannel,
  isChannel,
  isUserChannel,
  parseChannel,
  targetOf,
  userChannel,
  userOf,
} from "./channel.ts";
export type { CloseCause, DisconnectClass } from "./close.ts";
export { CLOSE, classifyClose, shouldReconnect } from "./close.ts";
export type { Claims, ClientConnection, ConnectionInfo } from "./connection.ts";
export { type OnOverdue, Overdue, within } from "./deadline.ts";
export type { Decoded } from "./decode.ts";
export { assertDepth, assertType, dataOf, decodeClientFrame, MAX_DEPTH, MESSAGE_FIELDS } from "./decode.ts";
export type { EncodedPush } from "./encode.ts";
export { encodeBadInput, encodeError, encodePush, encodeReply, encodeServerFrame } from "./encode.ts";
export type { ErrorCode } from "./errors.ts";
export { badRequest, ERROR_CODES, isErrorCode, TidingsError, toTidingsError } from "./errors.ts";
export type { Unsubscribe } from "./events/subscriptions.ts";
export { Subscriptions } from "./events/subscriptions.ts";
export { jsonProblem } from "./forms/json-problem.ts";
export { encodeJson, textOf, withText } from "./forms/json-value.ts";
export { rawBody, rawData, rawElements, rawField } from "./forms/raw-fields.ts";
export type {
  AckedFrame,
  AnyMessage,
  ClientFrame,
  ClientMessage,
  ClientPing,
  ClientRequest,
  DeletedMessage,
  EditedMessage,
  ErrorFrame,
  EventMessage,
  EventName,
  HistoryPage,
  Notice,
  Pong,
  Position,
  PositionFrame,
  Positions,
  PresenceFrame,
  Push,
  Receipt,
  ReceiptState,
  ReplyFrame,
  RequestForm,
  RequestId,
  RoomFrame,
  RoomMemberChange,
  ServerFrame,
  Welcome,
} from "./frames.ts";
export { DELETED, DIALECT, EDITED, isNotice, RESERVED_TYPES } from "./frames.ts";
export type { Grant, Grants, GrantsInput, Verb } from "./grants/grants.ts";
export {
  escapeId,
  grantsOf,
  grantsProblem,
  isGranted,
  isPattern,
  PATTERN_RULE,
  VERBS,
} from "./grants/grants.ts";
export { Distribution } from "./metrics/distribution.ts";
export { ACTION_RULE, ID_RULE, idError, isActionName, isConsoleUser, isId, joinNames } from "./names.ts";
export { Semaphore } from "./semaphore.ts";
export { Serial, SerialPerKey } from "./serial.ts";
export { spread } from "./spread.ts";
