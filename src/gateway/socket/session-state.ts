import { Attachment } from "../../local/local.ts";

/** State of the gateway about one connection. A connection whose login does not expire has none until a drain. */
export class SessionState extends Attachment {
  /** When the login expires, in milliseconds since 1970; undefined: never. */
  expiresAt: number | undefined;
  /** When the client is warned that the login expires soon; Infinity after that. */
  warnsAt = Number.POSITIVE_INFINITY;
  /** True once a drain has started to close the connection. */
  isLeaving = false;
}
