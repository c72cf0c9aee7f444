import type { ConnectionInfo } from "../../port.ts";
import { FIELD } from "../wire/lines.ts";

/** A connection as Redis stores it: token, seq and details in one text, which lua.ts reads too. */
export interface ConnectionRecord {
  readonly connection: ConnectionInfo;
  /** Number of the arrival. It rises with every arrival in the partition. */
  readonly seq: number;
}

/** Encodes the part of a record behind token and seq, which scripts store as it is. */
export const encodeDetails = ({ platform, device, node, connectedAt }: ConnectionInfo): string =>
  [platform, device, node, connectedAt].join(FIELD);

/** The incarnation that has the connection of a record. */
export const tokenOf = (record: string): string => record.slice(0, record.indexOf(FIELD));

export function decodeRecord(user: string, id: string, record: string): ConnectionRecord {
  const [, seq, platform = "", device = "", node = "", connectedAt] = record.split(FIELD);
  const connection = { id, user, platform, device, node, connectedAt: Number(connectedAt) };
  return { connection, seq: Number(seq) };
}
