import type { ConnectionInfo } from "../../port.ts";
import { FIELD } from "../wire/lines.ts";

/** A connection as Redis has it. */
export interface Unpacked {
  readonly connection: ConnectionInfo;
  /** Rises with every connection that comes. */
  readonly seq: number;
}

/** What scripts store of a connection behind the token and seq. */
export const detailsOf = ({ platform, device, node, connectedAt }: ConnectionInfo): string =>
  [platform, device, node, connectedAt].join(FIELD);

export function unpack(user: string, id: string, packed: string): Unpacked {
  const [, seq, platform = "", device = "", node = "", connectedAt] = packed.split(FIELD);
  const connection = { id, user, platform, device, node, connectedAt: Number(connectedAt) };
  return { connection, seq: Number(seq) };
}
