import type { ConnectionInfo } from "../port.ts";
import { FIELD } from "./line.ts";

/** A connection as Redis has it, and whose. */
export interface PackedConnection {
  readonly connection: ConnectionInfo;
  /** The incarnation of the node that has it. */
  readonly token: string;
  /** Rises with every connection that comes. */
  readonly seq: number;
}

/** What scripts store of a connection behind the token and seq. */
export const detailsOf = ({ platform, device, node, connectedAt }: ConnectionInfo): string =>
  [platform, device, node, connectedAt].join(FIELD);

export function unpack(user: string, id: string, packed: string): PackedConnection {
  const [token = "", seq, platform = "", device = "", node = "", connectedAt] = packed.split(FIELD);
  const connection = { id, user, platform, device, node, connectedAt: Number(connectedAt) };
  return { connection, token, seq: Number(seq) };
}

/** Reads what alternates between ids and packed connections. */
export function unpackAll(user: string, fields: readonly string[]): PackedConnection[] {
  const unpacked: PackedConnection[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    unpacked.push(unpack(user, fields[index] ?? "", fields[index + 1] ?? ""));
  }
  return unpacked;
}
