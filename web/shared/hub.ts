/** Pages that a hub can serve. The start page is always among them. */
export type PageName = "start" | "chat" | "console" | "dev";

/** Reads what the server has written into the page. */
const metaOf = (name: string): string =>
  document.querySelector<HTMLMetaElement>(`meta[name="tidings-${name}"]`)?.content ?? "";

const listOf = (name: string): readonly string[] => metaOf(name).split(" ");

/** Path below which some routes of the HTTP API are, such as `/ws`: that of the WebSocket, without a slash at its end. */
export const apiPath = (): string => metaOf("path").replace(/\/+$/, "");

/** Tells whether this server has the page. */
export const hasPage = (page: PageName): boolean => listOf("pages").includes(page);

/**
 * Tells what is true of the hub. `development`: everybody is who they say; `open`: the HTTP API needs no key; `tokens`: it makes tokens,
 * at `POST /tokens`. Outside development mode nothing is.
 */
export const hasTrait = (trait: "development" | "open" | "tokens"): boolean =>
  listOf("traits").includes(trait);

/** Address of a page, relative to the present one. The development server of Vite serves each from a folder of its own. */
export function pageAddress(page: PageName): string {
  if (import.meta.env.DEV) return `../${page}/`;
  return page === "start" ? "./" : `./${page}`;
}

/**
 * Address of something that the hub serves, by its path there, such as `/openapi.json`. It is relative to the page, because a proxy may
 * serve the hub below a path of its own.
 */
export function hubUrl(path: string): URL {
  return new URL(import.meta.env.DEV ? path : `.${path}`, document.baseURI);
}

/** Address of the hub's WebSocket. */
export function socketUrl(): URL {
  const url = new URL(metaOf("socket"), document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}
