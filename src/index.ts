/** Tidings: a realtime hub. docs/GETTING-STARTED.md builds a first hub. */
export type {
  ActionContext,
  ActionHandler,
  Authorize,
  DeclaredHandler,
  Middleware,
  PolicyRequest,
  PolicySettings,
} from "./actions/actions.ts";
export { defaultPolicy } from "./actions/actions.ts";
export type {
  Audience,
  DeliveryFields,
  EventMap,
  GroupAudience,
  KickOptions,
  KickResult,
  Operation,
  Outgoing,
  RewindOptions,
  SendOptions,
  UserAudience,
  UsersAudience,
} from "./audience.ts";
export type {
  Ability,
  Adjustable,
  Admission,
  Appended,
  Backplane,
  BackplaneSink,
  BlockedPage,
  BlockedUser,
  Broker,
  Cluster,
  Command,
  CommandResult,
  ConnectionRules,
  Cursors,
  Degradable,
  Degradation,
  Health,
  HealthEvent,
  Idempotency,
  JoinData,
  Memberships,
  Message,
  NodeInfo,
  NodeStatus,
  OnlinePage,
  OnlineUser,
  Presence,
  PresenceView,
  Reached,
  RoomChange,
  RoomMember,
  RoomPage,
  RoomQuery,
  Rooms,
  Routes,
  StoredMessage,
  StoredReceipt,
  Tallied,
  Traffic,
} from "./backplane/backplane.ts";
export { createHealth, NOBODY } from "./backplane/backplane.ts";
export type { Config, ConfigInput } from "./config/config.ts";
export { resolveConfig } from "./config/config.ts";
export { createHub } from "./create-hub.ts";
export type {
  Authenticator,
  Credentials,
  Endpoint,
  EndpointRequest,
  Identity,
  JwtOptions,
  Listening,
  MintClaims,
  OperationResult,
  TokenAuthenticator,
  UpgradeRequest,
} from "./gateway/gateway.ts";
export { developmentAuth, jwt } from "./gateway/gateway.ts";
export type { AttachedServer, DeclaredHubOptions, Hub, HubOptions } from "./hub.ts";
export type { Logger } from "./hub-log.ts";
export type {
  ConnectionName,
  GroupCount,
  GroupMember,
  MembersPage,
  MembersQuery,
} from "./members/members.ts";
export type {
  ActionSchemas,
  AnyMessage,
  ApiDeclaration,
  Channel,
  Claims,
  ClientConnection,
  CloseCause,
  ConnectionInfo,
  DisconnectClass,
  ErrorCode,
  EventSchemas,
  Grant,
  Grants,
  GrantsInput,
  HistoryPage,
  Position,
  Push,
  ReceiptState,
  Verb,
} from "./protocol/protocol.ts";
export { CLOSE, defineApi, escapeId, TidingsError } from "./protocol/protocol.ts";
export type {
  Attempt,
  ConnectRequest,
  HistoryQuery,
  HookEvents,
  HookName,
  IncomingMessage,
  Listener,
  Receipt,
  RefusedClient,
  Retry,
} from "./publish/publish.ts";
export { RetryError, refuse } from "./publish/publish.ts";
