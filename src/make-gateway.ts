import type { Config } from "./config/config.ts";
import { connectionLog } from "./connection-log.ts";
import type { EventTails } from "./console/console.ts";
import {
  type Authenticator,
  type Callers,
  Gateway,
  type Metrics,
  type Neighbours,
  type SessionPorts,
} from "./gateway/gateway.ts";
import type { Guards } from "./guards.ts";
import type { Log } from "./hub-log.ts";
import { HUFFMAN_ONLY } from "./local/local.ts";
import type { Hooks } from "./publish/publish.ts";
import type { FlightRecorder } from "./why/why.ts";

/** Parts of the hub that its gateway needs. */
export interface GatewayBasis {
  readonly config: Config;
  readonly authenticator: Authenticator;
  readonly neighbours: Neighbours;
  readonly callers: Callers;
  readonly hooks: Hooks;
  readonly log: Log;
  readonly node: string;
  readonly recorder: FlightRecorder | undefined;
  readonly tails: Pick<EventTails, "connected">;
}

export interface GatewayParts
  extends Pick<SessionPorts, "local" | "members" | "inbound" | "unfinished" | "expiry" | "policy"> {
  readonly metrics: Metrics;
}

/** Makes the gateway of WebSockets. */
export function makeGateway(
  basis: GatewayBasis,
  { limits, overload }: Guards,
  { metrics, ...parts }: GatewayParts,
): Gateway {
  const { config, authenticator, neighbours, callers, hooks, node, log, recorder, tails } = basis;
  const { websocket, path, origins } = config;
  const { maxConnections, maxHandshakes, enableCompression: deflate } = websocket;
  const ports = {
    ...parts,
    hooks,
    authenticator,
    node,
    heartbeatMs: websocket.heartbeatInterval * 1_000,
    maxMessageBytes: websocket.maxMessageSize,
    loginTimeoutMs: websocket.loginTimeoutMs,
    maxLoginBytes: websocket.maxLoginBytes,
    ...connectionLog(log, hooks, { metrics, recorder, tails }),
  };
  const rules = {
    path,
    origins,
    maxConnections,
    maxHandshakes,
    neighbours,
    callers,
    limits,
    overload,
    deflate,
    fitsAnyWindow: websocket.compressionLevel === HUFFMAN_ONLY,
  };
  return new Gateway(ports, rules);
}
