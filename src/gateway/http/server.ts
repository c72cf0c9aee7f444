import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Server as NetServer } from "node:net";
import { networkInterfaces } from "node:os";
import { TidingsError } from "../../protocol/protocol.ts";
import { readUpgradesFirst } from "../upgrade/first-bytes.ts";
import type { HttpSockets } from "./sockets.ts";

export interface ServerOptions {
  /** Timeout of a client's request headers. */
  readonly handshakeTimeoutMs: number;
  /** Time without a request after which a socket is closed. */
  readonly idleTimeoutMs: number;
  /** High-water mark of the sockets' streams. Node reads 64 KiB at a time, so smaller values change nothing. */
  readonly bufferBytes: number;
  readonly sockets: HttpSockets;
}

/** Node's default high-water mark. A lower one costs an event per write and gains nothing. */
const NODE_BUFFER_BYTES = 65_536;

/**
 * Pause between two checks for overdue requests. Each check cuts all of them in one turn of the event loop: with a longer pause a flood of unfinished
 * handshakes would delay everybody else.
 */
const CHECK_MS = 100;

/** Makes an HTTP server that limits the number of sockets, the time of requests, and the time between them. */
export function hardenedServer(listener: RequestListener, options: ServerOptions): Server {
  const { handshakeTimeoutMs, idleTimeoutMs, bufferBytes, sockets } = options;
  const server = createServer({
    headersTimeout: handshakeTimeoutMs,
    requestTimeout: Math.max(handshakeTimeoutMs, 30_000),
    keepAliveTimeout: idleTimeoutMs,
    connectionsCheckingInterval: Math.min(handshakeTimeoutMs, CHECK_MS),
    highWaterMark: Math.max(bufferBytes, NODE_BUFFER_BYTES),
  });
  readUpgradesFirst(server, handshakeTimeoutMs);
  sockets.watch(server, listener);
  return server;
}

/** Address at which a hub listens. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  /** `http://host:port` */
  readonly url: string;
  /** Address of the gRPC server. Absent without the setting `grpc.port`. */
  readonly grpc?: Omit<Listening, "grpc">;
}

/** Address at which a server listens. */
export type Address = Omit<Listening, "grpc">;

export interface ListenOptions {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Shares the port with other processes; the system distributes the clients (SO_REUSEPORT). @default false */
  readonly reusePort?: boolean | undefined;
}

/** Where a hub listens. What is left out comes from the configuration. */
export type ListenTarget = { readonly [Name in keyof ListenOptions]?: ListenOptions[Name] | undefined };

/**
 * Resolves when the server listens; rejects when it cannot (for instance when the port is taken).
 * @param setting of the port, for the error
 */
export function listen(
  server: NetServer,
  { port, host, reusePort }: ListenOptions,
  setting?: string,
): Promise<Address> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(listenError(error, port, host, setting));
    server.once("error", fail);
    server.listen({ port, host, reusePort, backlog: 4_096 }, () => {
      server.off("error", fail);
      // A TCP server's address is never a path.
      const { address, port: actual } = server.address() as AddressInfo;
      const name = address.includes(":") ? `[${address}]` : address;
      resolve({ host: address, port: actual, url: `http://${name}:${actual}` });
    });
  });
}

/** Words for operators, by the code of a system error. */
const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there: end it, or choose another port (SETTING)",
  EACCES: "this process may not use it: choose a port from 1024 (SETTING), or give it the right",
  EADDRNOTAVAIL: "this machine has no such address: choose one of its own (--host, HOST)",
  ENOTFOUND: "no such host: choose an address of this machine (--host, HOST)",
};

/** The error of a server that cannot listen. @param setting of the port */
export function listenError(
  error: Error & { code?: string },
  port: number,
  host: string,
  setting = "--port, PORT",
): Error {
  const problem = LISTEN_PROBLEMS[error.code ?? ""]?.replace("SETTING", setting);
  if (problem === undefined) return error;
  const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new TidingsError("conflict", `cannot listen on ${where}: ${problem}`, { cause: error });
}

/** Addresses that stand for all addresses of a machine. */
const ANY = new Set(["0.0.0.0", "::"]);

/** None where the process may not ask the system for them, as in some sandboxes. */
function interfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}

/** Address at which other machines reach a server that is bound to the given one. */
export function reachableAddress(bound: string): string {
  if (!ANY.has(bound)) return bound;
  const addresses = Object.values(interfaces()).flatMap((each) => each ?? []);
  const others = addresses.filter(({ internal }) => !internal);
  const best = others.find(({ family }) => family === "IPv4") ?? others[0];
  return best?.address ?? "127.0.0.1";
}
