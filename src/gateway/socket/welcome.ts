import type { Connection } from "../../local/local.ts";
import { DIALECT, encodeServerFrame } from "../../protocol/protocol.ts";
import type { Identity } from "../auth/auth.ts";

export interface WelcomePorts {
  /** This node's id. */
  readonly node: string;
  readonly heartbeatMs: number;
  readonly maxMessageBytes: number;
}

/** Encodes `welcome`, the first frame of a connection that was admitted. */
export function welcomeText(
  { node, heartbeatMs, maxMessageBytes }: WelcomePorts,
  { id, user, platform }: Connection,
  { expiresAt }: Identity,
): string {
  return encodeServerFrame({
    event: "welcome",
    protocol: DIALECT,
    connection: id,
    user,
    platform,
    node,
    heartbeatMs,
    expiresAt,
    limits: { messageBytes: maxMessageBytes },
  });
}

/** Encodes the notice for a group that a login named and that the connection has not joined. */
export const forbiddenNotice = (group: string, message: string): string =>
  encodeServerFrame({ event: "notice", code: "forbidden", message, data: { channel: `group:${group}` } });
