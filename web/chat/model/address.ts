/** What the page's address shows: a conversation, or the list of conversations or people. */
export interface Address {
  readonly tab: "chats" | "people";
  /** Group of the open conversation. */
  readonly group?: string | undefined;
}

/** Reads the fragment of the page's address. It may come from a link that anybody has made. */
export function readAddress(hash: string): Address {
  const [tab, group] = hash.replace(/^#/, "").split("/", 2);
  return { tab: tab === "people" ? "people" : "chats", group: decoded(group) };
}

export const writeAddress = ({ tab, group }: Address): string =>
  `#${tab}${group === undefined ? "" : `/${encodeURIComponent(group)}`}`;

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined || text === "" ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
