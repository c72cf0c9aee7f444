/** Content of a message for display. All of it comes from other users, so the page shows it as text. */
export type Content =
  | { readonly kind: "text"; readonly text: string; readonly cut?: number }
  | { readonly kind: "picture"; readonly url: string }
  | { readonly kind: "deleted" }
  /** A message of an unknown type. */
  | { readonly kind: "other"; readonly type: string; readonly json: string; readonly cut?: number };

/** Characters that are shown of a message: the page keeps a thousand of them in a conversation. */
const MAX_CHARACTERS = 10_000;

/** Characters of a URL that are tried as a picture. */
const MAX_URL = 2_048;

/** Reads the data of a message, which may come from any client and have any shape. */
export function readContent(type: string, data: unknown): Content {
  if (type === "chat") {
    const text = typeof data === "string" ? data : field(data, "text");
    if (text !== undefined) {
      const { shown, ...rest } = cutText(text);
      return { kind: "text", text: shown, ...rest };
    }
  }
  if (type === "img") {
    const url = field(data, "url");
    if (url !== undefined && isPictureUrl(url)) return { kind: "picture", url };
  }
  const { shown, ...rest } = cutText(JSON.stringify(data, null, 2) ?? "");
  return { kind: "other", type, json: shown, ...rest };
}

/** @returns the shown part, and the number of characters that are not shown */
function cutText(text: string): { readonly shown: string; readonly cut?: number } {
  if (text.length <= MAX_CHARACTERS) return { shown: text };
  return { shown: text.slice(0, MAX_CHARACTERS).toWellFormed(), cut: text.length - MAX_CHARACTERS };
}

/** Reads the nonce, by which a sender recognises its own message. */
export const readNonce = (data: unknown): string | undefined => field(data, "nonce");

/** Accepts only http and https. URLs such as `javascript:` and `data:` are refused. */
export const isPictureUrl = (text: string): boolean =>
  text.length <= MAX_URL && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

function field(data: unknown, name: string): string | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const value: unknown = Reflect.get(data, name);
  return typeof value === "string" ? value : undefined;
}
