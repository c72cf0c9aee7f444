/** Pages that a hub can serve. The start page is always among them. */
export type PageName = "start" | "chat" | "console" | "dev";

/** Reads what the server has written into the page. */
const metaOf = (name: string): string | undefined =>
  document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content;

/** Path of the hub's WebSocket, such as `/ws`. */
export const socketPath = (): string => metaOf("tidings-path") ?? "/ws";

/** Tells whether this server has the page. */
export const hasPage = (page: PageName): boolean => metaOf("tidings-pages")?.split(" ").includes(page) ?? false;

/** Only development mode serves the development page. */
export const isDevelopmentMode = (): boolean => hasPage("dev");

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
  const url = hubUrl(socketPath());
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}
