import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { TidingsError } from "../../protocol/protocol.ts";
import { assertNoProxy, type Neighbours } from "../auth/auth.ts";
import type { Callers } from "../callers.ts";

/** A server of Node 22.21, 24.9 or later decides by this callback whether a request is an upgrade. */
type UpgradeServer = Server & { shouldUpgradeCallback?: (request: IncomingMessage) => boolean };

/**
 * Tells whether a request asks for a WebSocket. Clients offer other protocols unasked, such as `h2c`, and a server that
 * does not speak them answers as if they had not (RFC 9110 section 7.8). So it does with every offer in HTTP/1.0.
 */
export const isWebSocketUpgrade = ({ headers, httpVersion }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === "websocket" && httpVersion !== "1.0";

/**
 * Makes a server answer upgrades to other protocols as plain HTTP.
 * @returns a function that restores the server
 */
export function ignoreOtherUpgrades(server: UpgradeServer): () => void {
  const before = server.shouldUpgradeCallback;
  if (before === undefined) return () => undefined;
  const decide = (request: IncomingMessage): boolean =>
    isWebSocketUpgrade(request) && before.call(server, request);
  server.shouldUpgradeCallback = decide;
  return () => {
    if (server.shouldUpgradeCallback === decide) server.shouldUpgradeCallback = before;
  };
}

/**
 * Checks the argument of `attach`. Applications of frameworks are functions or objects that never emit `upgrade`, so a
 * hub that is attached to one would hear of no client.
 * @throws TidingsError `bad_request` that says what to write
 */
export function assertServer(server: unknown): void {
  const { on, listenerCount, address } = Object(server) as Partial<Server>; // any value: JavaScript callers are not checked
  const isServer = [on, listenerCount, address].every((method) => typeof method === "function");
  if (typeof server === "object" && isServer) {
    if (server?.constructor.name !== "Http2Server") return;
    throw new TidingsError(
      "bad_request",
      "attach: an HTTP/2 server without TLS takes no WebSockets, expected one of node:http, node:https, or createSecureServer({ allowHTTP1: true }) of node:http2",
    );
  }
  throw new TidingsError(
    "bad_request",
    `attach: expected the HTTP server, got ${typeof server === "function" ? "a function" : `a value of type ${typeof server}`}. ` +
      "With Express write const server = createServer(app) and hub.attach(server), with Fastify hub.attach(app.server), " +
      "with Hono hub.attach(serve(app))",
  );
}

/** Time in which another listener must take an upgrade: the time of a look-up of its user, generously. */
const TAKEN_WITHIN_MS = 2_000;

/**
 * Calls `act` when no listener has taken an upgrade after a moment. Whoever takes one writes to the socket or reads it.
 * Call it before the other listeners see the socket.
 */
export function whenUntaken(stream: Duplex, act: () => void): void {
  const written = bytesWrittenTo(stream);
  const timer = setTimeout(() => {
    const isRead = stream.listenerCount("data") > 0 || stream.listenerCount("readable") > 0;
    if (!stream.destroyed && !isRead && bytesWrittenTo(stream) === written) act();
  }, TAKEN_WITHIN_MS);
  stream.once("close", () => clearTimeout(timer));
}

/** The socket of an upgrade is a net.Socket or a stream over one. */
const bytesWrittenTo = (stream: Duplex & { readonly bytesWritten?: number }): number =>
  stream.bytesWritten ?? stream.writableLength;

/**
 * Gives an upgrade request back to its server, to be answered as plain HTTP. For versions of Node that decide without
 * asking: the server reads the request again, without the offer.
 */
export function handBack(server: Server, request: IncomingMessage, stream: Duplex, head: Buffer): void {
  stream.unshift(Buffer.concat([Buffer.from(withoutUpgrade(request), "latin1"), head]));
  server.emit("encrypted" in stream ? "secureConnection" : "connection", stream);
}

function withoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const value = rawHeaders[index + 1] ?? "";
    if (/^upgrade$/i.test(name)) continue;
    lines.push(`${name}: ${/^connection$/i.test(name) ? keptOptions(value) : value}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const keptOptions = (connection: string): string => {
  const kept = connection.split(",").filter((option) => !/^\s*upgrade\s*$/i.test(option));
  return kept.join(",").trim() || "keep-alive";
};

/**
 * Checks a client of development mode.
 * @throws TidingsError `forbidden` unless it comes from this machine or a network of development, and through no proxy
 */
export function assertNear(
  { headers, socket }: IncomingMessage,
  address: string,
  { neighbours, callers }: { readonly neighbours: Neighbours; readonly callers: Callers },
): void {
  if (!neighbours.has(address) || !neighbours.accepts(headers)) {
    throw new TidingsError(
      "forbidden",
      "development mode takes connections from this machine only, and from development.networks",
    );
  }
  const way = callers.wayOf(socket.remoteAddress, headers["x-forwarded-for"]);
  assertNoProxy(Object.keys(headers), way, neighbours);
}
