import { Attachment } from "../../local/local.ts";

/** State of this room about one connection. Connections whose login does not expire have none until a drain. */
export class SessionState extends Attachment {
  /** When the login expires, in milliseconds since 1970; undefined: never. */
  expiresAt: number | undefined;
  /** True once the client was told that its login expires soon. */
  isWarned = false;
  /** True once a drain has started to close the connection. */
  isLeaving = false;
}
