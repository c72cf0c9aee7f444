import { key } from "../key.ts";
import { flag, list, milliseconds, network, oneOf, rate, ratesOf, text, whole } from "../values.ts";

const NETWORKS = "addresses or networks such as 10.0.0.0/8 or 2001:db8::/32, but not every address";
const networks = list(NETWORKS, network(NETWORKS));

/** This machine. A proxy on it that is not named in `trustProxy` must not have all its clients counted as one. */
const THIS_MACHINE = ["127.0.0.0/8", "::1"];

/** A field name of RFC 9110 section 5.1. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~\w-]{1,255}$/;

const PATHS = "paths such as /health; one that ends in / stands for everything below it";
const paths = list(
  PATHS,
  text(PATHS, (value) => /^\/[^?#]*$/.test(value)),
);

/** Settings of the limiter of the HTTP API: those of `tidings/limit`, under the same names. */
const HTTP = {
  rate: key(rate(), "6000-M", { doc: "HTTP requests of one client that brings no API key" }),
  perRouteRates: key(
    ratesOf("paths", "/send"),
    {},
    {
      doc: 'rates of single routes, as JSON: `{"/send":"10-S"}`. `/*` at the end of a path stands for everything below it',
      defaultText: "none",
    },
  ),
  identifier: key(oneOf(["ip", "user", "header", "ip+route"]), "ip", {
    doc: "requests with the same one have one count: `ip`, `header` or `ip+route`. The HTTP API knows no users: `user` is `ip` here",
  }),
  headerName: key(
    text("the name of a header", (value) => FIELD_NAME.test(value)),
    "X-Client-ID",
    { doc: "header with the client's name, for the identifier `header`" },
  ),
  whitelistCIDRs: key(networks, THIS_MACHINE, {
    env: "LIMITS_HTTP_WHITELIST_CIDRS",
    doc: "addresses and networks whose HTTP requests are not limited, with commas between them",
  }),
  skipPaths: key(paths, ["/health", "/ready", "/metrics"], {
    doc: "paths that are not limited; one that ends in `/` stands for everything below it",
  }),
  addHeaders: key(flag(), true, {
    doc: "tell clients what is left: X-RateLimit-*, RateLimit and Retry-After",
  }),
  denyStatus: key(whole(400, 599), 429, { doc: "status of a refused HTTP request" }),
  denyMessage: key(text("a text of at least one character"), "Too Many Requests", {
    doc: "message of a refused HTTP request",
  }),
  store: key(oneOf(["memory", "redis"]), "memory", {
    doc: "where HTTP requests are counted: in the `memory` of each node, or in the `redis` of the nodes for all of them together",
  }),
  onStoreError: key(oneOf(["allow", "deny"]), "allow", {
    doc: "while that Redis fails: `allow` all HTTP requests, or `deny` them with 503",
  }),
  storeTimeoutMs: key(milliseconds(1), 250, {
    unit: "ms",
    doc: "time after which that Redis has failed for an HTTP request",
  }),
};

/** Rates of what one client may do. `off` in place of a rate limits nothing. */
export const LIMITS = {
  http: HTTP,
  apiKeyRate: key(rate(), "off", { doc: "HTTP requests with one API key" }),
  whitelistCIDRs: key(networks, THIS_MACHINE, {
    env: "LIMITS_WHITELIST_CIDRS",
    doc: "addresses and networks that are exempt from the limits on connects, logins and messages of an address, with commas between them",
  }),
  connectsPerAddress: key(rate(), "3000-M", { doc: "WebSockets that clients of one address open" }),
  loginsPerAddress: key(rate(), "3000-M", { doc: "logins from one address, those that fail included" }),
  loginsPerUser: key(rate(), "600-M", { doc: "logins of one user" }),
  messagesPerConnection: key(rate(), "60000-M", { doc: "messages and requests of one connection" }),
  messagesPerUser: key(rate(), "120000-M", { doc: "messages and requests of one user on this node" }),
  messagesPerAddress: key(rate(), "600000-M", {
    doc: "messages and requests from one address on this node",
  }),
  actionsPerUser: key(
    ratesOf("actions", "message.history"),
    {
      "group.members": "6000-M",
      "group.watch": "600-M",
      "message.history": "6000-M",
      "presence.get": "6000-M",
      "robot.login": "600-M",
    },
    {
      doc: 'requests of one user by action, as JSON: `{"message.history":"10-S"}`; `message.send` are the messages',
    },
  ),
  refusalsPerConnection: key(rate(), "1000-M", {
    doc: "messages of a connection that a limit may refuse, before it is closed with 4006",
  }),
  refusalsPerAddress: key(rate(), "1000-M", {
    doc: "WebSockets of one address that a limit may refuse with 429, before the node resets each further socket of it without an answer",
  }),
};

/** Settings by which a node finds that it is overloaded. */
export const OVERLOAD = {
  connectsPerNode: key(rate(), "1000-S", {
    doc: "WebSockets that this node begins to admit; further ones get 503 and `Retry-After`",
  }),
  loopPercent: key(whole(0, 100), 85, {
    unit: "%",
    doc: "share of a second in which the event loop works, from which on it may be overloaded; 0: never",
  }),
  loopDelayMs: key(milliseconds(1), 70, {
    unit: "ms",
    doc: "delay of the event loop (9 of 10 samples of a second) that makes a loop at `overload.loopPercent` count as overloaded",
  }),
  memoryPercent: key(whole(0, 100), 90, {
    unit: "%",
    doc: "share of the memory that the process may use (heap limit, or limit of the container), from which on it is overloaded; 0: never",
  }),
};
