import { type Channel, isChannel, isId } from "../../src/protocol/protocol.ts";

/**
 * What messages are shown together: `user:<id>` for those with another user, `group:<id>`, `all`, or those that the
 * application itself sent to this user.
 */
export type ConversationId = Channel | "application";

/** Who the page is and what it shows. It stands in the URL's fragment (`#alice/group:lunch`), so that it can be linked. */
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

/** The colon of channels may stand in a fragment as it is (RFC 3986 section 3.5), and is easier to read. */
const encode = (part: string): string => encodeURIComponent(part).replaceAll("%3A", ":");

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return ""; // a stray percent sign: no name
  }
}
