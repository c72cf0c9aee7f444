/** Content of a message for display. All of it comes from other users, so the page shows it as text. */
export type Content =
  | { readonly kind: "written"; readonly text?: string; readonly cut?: number; readonly media?: Media }
  | { readonly kind: "deleted" }
  /** A message that the page does not know. */
  | { readonly kind: "other"; readonly type: string };

export const MEDIA = ["picture", "voice", "video"] as const;
export type MediaKind = (typeof MEDIA)[number];

export interface Media {
  readonly kind: MediaKind;
  readonly url: string;
}

/** Characters that are shown of a message: the page keeps a thousand of them in a conversation. */
const MAX_CHARACTERS = 10_000;

/** Characters of an address, as the server accepts them. */
const MAX_URL = 2_048;

/** Reads the data of a message, which may come from any client and have any shape. */
export function readContent(type: string, data: unknown): Content {
  if (type !== "chat") return { kind: "other", type };
  const text = field(data, "text");
  const media = MEDIA.map((kind) => ({ kind, url: field(data, kind) })).find(({ url }) => url !== undefined);
  const { url } = media ?? {};
  const isShown = url !== undefined && isMediaUrl(url);
  // An address that the page does not load is shown as text.
  const shown = cutText([text, isShown ? undefined : url].filter((part) => part !== undefined).join("\n"));
  return {
    kind: "written",
    ...shown,
    ...(media && url !== undefined && isShown && { media: { kind: media.kind, url } }),
  };
}

/** @returns the shown part, and the number of characters that are not shown */
function cutText(text: string): { readonly text?: string; readonly cut?: number } {
  if (text === "") return {};
  if (text.length <= MAX_CHARACTERS) return { text };
  return { text: text.slice(0, MAX_CHARACTERS).toWellFormed(), cut: text.length - MAX_CHARACTERS };
}

/** Addresses that the page loads: http and https. Others, such as `javascript:` and `data:`, it shows as text. */
export const isMediaUrl = (text: string): boolean => hasProtocol(text, /^https?:$/);

/** Addresses that the server takes. */
export const isSendableUrl = (text: string): boolean => hasProtocol(text, /^https:$/);

const hasProtocol = (text: string, protocols: RegExp): boolean =>
  text.length <= MAX_URL && URL.canParse(text) && protocols.test(new URL(text).protocol);

/** A message in one line, for the list of conversations. */
export function previewOf(content: Content): string {
  if (content.kind === "deleted") return "Message deleted";
  if (content.kind === "other") return content.type;
  const { text, media } = content;
  return text ?? (media === undefined ? "" : MEDIA_NAMES[media.kind]);
}

export const MEDIA_NAMES: Record<MediaKind, string> = {
  picture: "Picture",
  voice: "Voice message",
  video: "Video",
};

function field(data: unknown, name: string): string | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const value: unknown = Reflect.get(data, name);
  return typeof value === "string" ? value : undefined;
}
