/** Content of a message for display. All of it comes from other users, so the page shows it as text. */
export type Content =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "picture"; readonly url: string }
  /** A message of an unknown type. */
  | { readonly kind: "other"; readonly type: string; readonly json: string };

/** Reads the data of a message, which may come from any client and have any shape. */
export function readContent(type: string, data: unknown): Content {
  if (type === "chat") {
    const text = typeof data === "string" ? data : field(data, "text");
    if (text !== undefined) return { kind: "text", text };
  }
  if (type === "img") {
    const url = field(data, "url");
    if (url !== undefined && isPictureUrl(url)) return { kind: "picture", url };
  }
  return { kind: "other", type, json: JSON.stringify(data, null, 2) ?? "" };
}

/** Reads the nonce, by which a sender recognises its own message. */
export const readNonce = (data: unknown): string | undefined => field(data, "nonce");

/** Accepts only http and https. URLs such as `javascript:` and `data:` are refused. */
export const isPictureUrl = (text: string): boolean =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

function field(data: unknown, name: string): string | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const value: unknown = Reflect.get(data, name);
  return typeof value === "string" ? value : undefined;
}
