import { type Channel, isChannel, isId } from "../../../src/protocol/protocol.ts";

/**
 * Id of a conversation: `user:<id>` with another user, `group:<id>`, `all`, or `application` for messages that the
 * application sent to this user.
 */
export type ConversationId = Channel | "application";

/**
 * The page's user and conversation. The URL's fragment holds them (`#alice/group:lunch`), so that links can name them.
 */
export interface Address {
  readonly user?: string;
  readonly conversation?: ConversationId;
}

export function readAddress(hash: string): Address {
  const [user, conversation] = hash.replace(/^#/, "").split("/").map(decode);
  if (!isId(user)) return {};
  return isConversation(conversation) ? { user, conversation } : { user };
}

export function writeAddress({ user, conversation }: Address): string {
  const parts = [user, conversation].filter((part) => part !== undefined);
  return `#${parts.map(encode).join("/")}`;
}

const isConversation = (value: unknown): value is ConversationId =>
  value === "application" || isChannel(value);

/** Encodes a part but keeps the colon, which fragments allow (RFC 3986 section 3.5) and which is easier to read. */
const encode = (part: string): string => encodeURIComponent(part).replaceAll("%3A", ":");

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return ""; // a stray percent sign is not part of any name
  }
}
