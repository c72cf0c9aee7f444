import { key, nameKeys, optional } from "./key.ts";
import { CHAT } from "./keys/chat.ts";
import { CLUSTER } from "./keys/cluster.ts";
import { GRPC } from "./keys/grpc.ts";
import { HISTORY } from "./keys/history.ts";
import { LIMITS, OVERLOAD } from "./keys/limits.ts";
import { MESSAGE_LOG, MESSAGE_LOG_LIMITS } from "./keys/message-log.ts";
import { POLICY } from "./keys/policy.ts";
import { SHUTDOWN } from "./keys/shutdown.ts";
import { STORAGE } from "./keys/storage.ts";
import {
  ALGORITHMS,
  apiKey,
  apiKeys,
  directory,
  flag,
  id,
  ip,
  list,
  milliseconds,
  network,
  oneOf,
  pem,
  redisUrl,
  seconds,
  text,
  url,
  whole,
} from "./values.ts";

export type { JwtAlgorithm } from "./values.ts";

const LOG_LEVELS = ["silent", "fatal", "error", "warn", "info", "debug", "trace"] as const;
/** `https://example.com:8443`, as browsers send it: no path, no wildcard. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/*?#]+$/;

const URL_PATH = /^\/[^\s?#]*$/;
const algorithms = list(`signature algorithms out of ${ALGORITHMS.join(", ")}`, oneOf(ALGORITHMS));

const origins = list(
  "origins such as https://example.com",
  text("origins such as https://example.com", (value) => ORIGIN.test(value)),
);

const NETWORKS = "networks such as 172.17.0.0/16 or fd00::/8, but not every address";
const networks = list(NETWORKS, network(NETWORKS));
const PROXIES = "networks of proxies such as 10.0.0.0/8 or fd00::/8, but not every address";
const proxies = list(PROXIES, network(PROXIES));
/**
 * All settings. The configuration's type, names, parsing, defaults, errors and documentation are derived from this
 * table.
 */
export const TABLE = {
  host: optional(text("a host name or address"), {
    doc: "address to listen on",
    defaultText: "`127.0.0.1` in development mode, else `0.0.0.0`",
  }),
  port: key(whole(0, 65_535), 8080, { doc: "port to listen on; 0 takes a free one" }),
  path: key(
    text("a path such as /ws", (value) => URL_PATH.test(value)),
    "/ws",
    // The name PATH is taken: the shell looks for programs there.
    { env: "WEBSOCKET_PATH", doc: "where WebSockets connect" },
  ),
  node: {
    id: optional(id(), {
      doc: "name of this node",
      defaultText: "its address and port when both are set, else `node.pod`, else host name and process id",
    }),
    ip: optional(ip(), {
      doc: "address that this node registers in the cluster",
      defaultText:
        "the one it listens on; when that is all addresses, the machine's first other than loopback",
    }),
    port: optional(whole(1, 65_535), {
      doc: "port that this node registers in the cluster",
      defaultText: "the port it listens on",
    }),
    pod: optional(id(), {
      env: "POD_NAME",
      doc: "name of the Kubernetes pod; names the node when neither `node.id` nor its address and port do",
    }),
  },
  redis: optional(redisUrl(), {
    env: "REDIS_URL",
    secret: "password",
    doc:
      "URL of the Redis that connects the nodes; without it there is one node. `redis://a:6379/0`, " +
      "`redis-sentinel://a:26379,b:26379/0#mymaster` or `redis-cluster://a:7000,b:7000`; over TLS `rediss…`",
  }),
  cluster: CLUSTER,
  data: optional(directory(), {
    env: "DATA_DIR",
    doc: "directory of the data that outlive the process; `false` (or `0`): everything stays in memory. Not together with `redis`",
    defaultText: "`./data` in `tidings serve` without `redis`; in code none",
  }),
  storage: STORAGE,
  messageLog: MESSAGE_LOG,
  messageLogLimits: MESSAGE_LOG_LIMITS,
  chat: CHAT.chat,
  chatDatabase: CHAT.chatDatabase,
  chatRegistration: CHAT.chatRegistration,
  chatDirect: CHAT.chatDirect,
  logLevel: key(oneOf(LOG_LEVELS), "info", {
    doc: `lowest level that is logged: ${LOG_LEVELS.join(", ")}`,
  }),
  tracing: key(flag(), false, {
    doc: "make spans for OpenTelemetry, by the provider that the process has registered; needs the package `@opentelemetry/api`",
  }),
  jwt: {
    secret: optional(text("a secret of at least one character"), {
      secret: "value",
      doc: "secret that signs tokens (HS256…HS512)",
    }),
    publicKey: optional(pem(), { doc: "public key or certificate that verifies tokens, in PEM" }),
    jwksUrl: optional(url("a URL such as https://login.example.com/jwks.json", "https:", "http:"), {
      secret: "password",
      doc: "URL of the public keys that verify tokens (JWKS)",
    }),
    algorithms: key(algorithms, [], {
      doc: "signature algorithms that are accepted",
      defaultText: "`HS256` with a secret; `RS256,ES256` with keys",
    }),
    issuer: optional(text("text"), { doc: "`iss` that a token must have" }),
    audience: optional(text("text"), { doc: "`aud` that a token must have" }),
    userClaim: key(text("the name of a claim"), "sub", { doc: "claim that names the user" }),
    requireExpiry: key(flag(), true, {
      doc: "refuse tokens without `exp`; otherwise their logins never end",
    }),
    lifetime: key(whole(1), 3_600, {
      unit: "s",
      doc: "lifetime of a token that this server makes, when the caller gives none",
    }),
    maxLifetime: key(whole(1), 2_592_000, {
      unit: "s",
      doc: "longest lifetime of a token that this server makes (30 days)",
    }),
  },
  development: {
    networks: key(networks, [], {
      doc:
        "networks that development mode serves besides this machine, with commas between them, such as `172.17.0.0/16` for containers: " +
        "everybody in them can be any user",
      defaultText: "none",
    }),
  },
  security: {
    allowWeakKeys: key(flag(), false, {
      doc: "accept a `jwt.secret` of less than 32 bytes, API keys of less than 16 characters, and a `jwt.jwksUrl` with `http:` that is not on this machine",
    }),
  },
  apiKey: optional(apiKey(), {
    secret: "value",
    doc: "key of the HTTP API with the scope `admin`: it may do everything",
  }),
  apiKeys: key(apiKeys(), [], {
    secret: "scoped",
    doc:
      "further keys of the HTTP API, each behind its scope: `admin:…`, `publish:…` (sends messages) or `read:…` (reads), " +
      "with commas between them; two of one scope while a key is replaced",
    defaultText: "none",
  }),
  origins: key(origins, [], {
    doc: "origins from which browsers may connect, with commas between them; empty: any",
    defaultText: "any",
  }),
  trustProxy: key(proxies, [], {
    doc:
      "networks of the proxies whose header `X-Forwarded-For` is believed, with commas between them: the address of a caller is the " +
      "last one that is none of them",
    defaultText: "none",
  }),
  websocket: {
    maxConnections: key(whole(1), 100_000, {
      unit: "connections",
      doc: "connections that this node accepts; more are refused with HTTP 503",
    }),
    heartbeatInterval: key(seconds(), 30, {
      unit: "s",
      doc: "interval at which the server pings each connection",
    }),
    connectionTimeout: key(seconds(), 60, {
      unit: "s",
      doc: "time without inbound bytes after which a connection is closed; at least 1.2 × `websocket.heartbeatInterval`",
    }),
    messageBufferSize: key(whole(1), 256, {
      unit: "messages",
      doc: "messages a connection's send queue holds",
    }),
    messageQueueSize: key(whole(1), 1000, {
      unit: "messages",
      doc: "inbound messages of this node waiting to be handled before it stops reading",
    }),
    enableCompression: key(flag(), false, { doc: "offer permessage-deflate" }),
    compressionLevel: key(whole(-2, 9), -2, {
      doc: "zlib level: -2 Huffman coding only, -1 zlib's default, 0 none … 9 best",
    }),
    compressionThreshold: key(whole(0), 1024, { unit: "bytes", doc: "shorter messages are not compressed" }),
    shardCount: key(whole(1, 4096), 16, {
      unit: "shards",
      doc: "shards into which the connections are split by user; a fan-out flushes one after the other",
    }),
    broadcastWorkers: key(whole(1), 32, {
      unit: "shards",
      doc: "shards that a fan-out flushes before it yields to the event loop; they are not threads",
    }),
    dropOnFull: key(flag(), true, {
      doc: "drop messages for a connection whose send queue is full; otherwise the publisher waits for `sendTimeoutMs`",
    }),
    closeOnBackpressure: key(flag(), false, {
      doc: "close a connection whose send queue is full (code 4001)",
    }),
    sendTimeoutMs: key(milliseconds(0), 50, {
      unit: "ms",
      doc: "how long a publisher waits for room in a full send queue when messages are not dropped",
    }),
    readBufferSize: key(whole(1), 1024, {
      unit: "bytes",
      doc: "high-water mark for reading; Node reads 64 KiB at a time, so smaller values change nothing",
    }),
    writeBufferSize: key(whole(1), 1024, {
      unit: "bytes",
      doc: "unsent bytes in a socket above which messages wait in the send queue",
    }),
    maxMessageSize: key(whole(1, 268_435_456), 524_288, {
      unit: "bytes",
      doc: "longest inbound message; a longer one closes the connection with 1009",
    }),
    enableGlobalPing: key(flag(), true, {
      doc: "ping all connections by one timer that walks the shards; otherwise by a timer for each connection, which needs more memory",
    }),
    pingWorkers: key(whole(1), 16, { unit: "shards", doc: "shards pinged per step of a heartbeat sweep" }),
    maxPendingBytes: key(whole(1), 4_194_304, {
      unit: "bytes",
      doc: "bytes a connection's send queue holds",
    }),
    maxTotalPendingBytes: key(whole(1), 268_435_456, {
      unit: "bytes",
      doc: "unsent bytes of all connections of this node; beyond it those that hold most are closed (code 4001)",
    }),
    writeTimeoutMs: key(milliseconds(1), 10_000, {
      unit: "ms",
      doc: "how long a write may make no progress before the connection is closed",
    }),
    handshakeTimeoutMs: key(milliseconds(1), 10_000, {
      unit: "ms",
      doc: "how long a client may take to send its HTTP request",
    }),
    loginTimeoutMs: key(milliseconds(1), 10_000, {
      unit: "ms",
      doc: "how long a client may take to log in after the upgrade",
    }),
    maxLoginBytes: key(whole(1), 65_536, {
      unit: "bytes",
      doc: "bytes that a client may send before its login is accepted; more close the connection with 1009",
    }),
    messageTimeoutMs: key(milliseconds(1), 30_000, {
      unit: "ms",
      doc: "how long a client may take from the first byte of a message to its last",
    }),
    maxInboundBytes: key(whole(1), 67_108_864, {
      unit: "bytes",
      doc: "bytes that this node has received and not handled; beyond it the connections that hold most are closed (4007)",
    }),
    maxHandshakes: key(whole(1), 10_000, {
      unit: "connections",
      doc:
        "concurrent handshakes and logins; beyond it the one that has been silent longest is closed, " +
        "and where none is silent the new one is refused with HTTP 503",
    }),
    maxConnectionsPerUser: key(whole(0), 50, {
      unit: "connections",
      doc: "connections a user may have in the whole cluster; 0: unlimited",
    }),
    perUserPolicy: key(oneOf(["reject", "kick_oldest"]), "reject", {
      doc: "beyond the limit per user: `reject` the new connection or `kick_oldest`",
    }),
    onePerPlatform: key(flag(), false, {
      doc: "one connection per user and platform: a new one replaces the older",
    }),
  },
  http: {
    maxSockets: key(whole(1), 4_096, {
      unit: "connections",
      doc: "sockets of plain HTTP on the hub's own server; beyond it the longest idle one is closed, or the new one gets 503",
    }),
    pages: key(flag(), true, {
      doc: "serve pages for browsers: `/`, `/console`, `/chat` where the chat is on, `/dev` in development mode",
    }),
    corsOrigins: key(origins, [], { doc: "origins whose pages may read HTTP answers", defaultText: "none" }),
    idleTimeoutMs: key(milliseconds(1), 65_000, {
      unit: "ms",
      doc: "time without a request after which a socket of the hub's own server is closed; keep it above a proxy's",
    }),
  },
  grpc: GRPC,
  history: HISTORY,
  presence: {
    graceMs: key(milliseconds(0), 5000, {
      unit: "ms",
      doc: "grace period in which a user without connections stays online, so that a reconnect causes no offline event",
    }),
  },
  publish: {
    idempotencyWindowMs: key(milliseconds(0), 300_000, {
      unit: "ms",
      doc: "how long a duplicate of an idempotency key gets the first receipt",
    }),
    ackTimeoutMs: key(milliseconds(1), 5000, {
      unit: "ms",
      doc: "timeout of an acknowledgement when the sender sets none",
    }),
    storedBytesPerHour: key(whole(0), 67_108_864, {
      unit: "bytes",
      doc:
        "stored messages that a user may send within an hour through this node, 512 bytes added to each; " +
        "0: unlimited. The application and the HTTP API are exempt",
    }),
  },
  policy: POLICY,
  limits: LIMITS,
  overload: OVERLOAD,
  recorder: {
    messages: key(whole(0, 1_048_576), 32_768, {
      unit: "messages",
      doc:
        "messages that the flight recorder of this node remembers for `tidings why`, and a quarter as many refusals, moves and ends; " +
        "0: no recorder",
    }),
  },
  timeouts: {
    handlerMs: key(milliseconds(1), 10_000, {
      unit: "ms",
      doc: "how long the handler of an action may take",
    }),
    hookMs: key(milliseconds(1), 5000, { unit: "ms", doc: "how long a hook of the application may take" }),
  },
  shutdown: SHUTDOWN,
} as const;

/** Every key with its names, in the order of the table. */
export const CONFIG_KEYS = Object.freeze(nameKeys(TABLE));
