import { type Claims, type Grants, isGranted } from "../../protocol/protocol.ts";
import { Attachment } from "../attachment.ts";

/** State from the credentials of a connection. A connection without claims and data has none. */
export class LoginState extends Attachment {
  claims: Claims = NO_CLAIMS;
  /** Permissions of the login; undefined: none. */
  can: Grants | undefined;
  /** True for a visitor who has logged in without credentials. */
  isAnonymous = false;
  /** False for a visitor who was not granted the messages to everyone. */
  get receivesAll(): boolean {
    if (!this.isAnonymous) return true;
    return isGranted(this.can, "history", "all") || isGranted(this.can, "join", "all");
  }

  #data: Record<string, unknown> | undefined;

  /** The application's own data of the connection. */
  get data(): Record<string, unknown> {
    this.#data ??= {};
    return this.#data;
  }
}

export const NO_CLAIMS: Claims = Object.freeze({});
