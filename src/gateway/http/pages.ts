import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Api } from "./api.ts";

/** Folder of the built pages, in the package's folder. */
const BUILT = "dist/web";

/** Path of the files that the built pages load. vite.config.ts puts them into a folder of this name. */
const ASSETS = "/pages";

/** A page, by the name of its folder in web/. It is served at the path of that name, `start` at `/`. */
export type PageName = "start" | "chat" | "console" | "dev";

const PAGES: readonly PageName[] = ["start", "chat", "console", "dev"];

/** Tells of each page whether it is served now. */
export type PageRules = Readonly<Record<PageName, () => boolean>>;

/** Caching of built assets. Their names carry a hash of their content, so a browser never needs to revalidate one. */
const IMMUTABLE = "public, max-age=31536000, immutable";

/** Security headers of a page. It may load its own files, pictures, sound and video from anywhere, and connect to the hub. */
const SECURITY: MiddlewareHandler = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    imgSrc: ["https:", "http:", "data:"],
    mediaSrc: ["https:", "http:"],
    connectSrc: ["'self'", "ws:", "wss:"],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
    // Assigning a text to innerHTML throws, so a mistake cannot inject HTML.
    requireTrustedTypesFor: ["'script'"],
    trustedTypes: ["'none'"],
  },
  referrerPolicy: "no-referrer",
  xFrameOptions: "DENY",
  // Development mode runs on loopback without TLS.
  strictTransportSecurity: false,
});

/**
 * A word about the hub, for its pages. `development`: everybody is who they say; `open`: the HTTP API needs no key; `tokens`: it makes
 * tokens. Outside development mode there are none: a stranger learns which pages there are, and nothing else.
 */
export type Trait = "development" | "open" | "tokens";

export interface PagePorts {
  /** Path of the WebSocket, below which some routes of the API are. */
  readonly path: string;
  /** True when a server of the hub's own takes the WebSockets; false when servers of the application do. */
  readonly ownsServer: () => boolean;
  readonly traits: readonly Trait[];
  readonly rules: PageRules;
}

/**
 * Serves pages from dist/web, where `npm run build` puts them, each at the path of its name, and their files below `/pages/`.
 * Before the build a page answers 503 and names the command. A page that is off answers as if it were not there.
 * An application that has bundled this code into its own has no pages.
 */
export function mountPages(api: Api, { path, ownsServer, traits, rules }: PagePorts): void {
  const root = packageFolder(import.meta.dirname);
  if (root === undefined) return;
  for (const page of PAGES) {
    const whenOn: MiddlewareHandler = async (context, next) => {
      if (!rules[page]()) return context.notFound();
      return next();
    };
    // The redirect is relative, because a proxy may serve the hub below a path of its own.
    if (page !== "start") api.get(`/${page}/`, whenOn, SECURITY, redirectTo(`../${page}`));
    api.get(page === "start" ? "/" : `/${page}`, whenOn, SECURITY, (context) => {
      context.header("Cache-Control", "no-cache");
      const html = readPage(join(root, BUILT, page));
      if (html === undefined) return context.text("The page is not built yet: npm run build\n", 503);
      const served = PAGES.filter((name) => rules[name]());
      // A proxy may serve the hub below a path of its own, which WebSockets have too. An application that mounts the API below a path leaves
      // WebSockets where they are.
      const socket = ownsServer() ? `.${path}` : path;
      const values = { path, socket, pages: served.join(" "), traits: traits.join(" ") };
      return context.html(withMeta(html, values));
    });
  }
  const rewriteRequestPath = (asset: string): string => `/${BUILT}${asset}`;
  const assets = serveStatic({ root, rewriteRequestPath, precompressed: true });
  api.use(`${ASSETS}/*`, SECURITY, keep, assets);
}

/** Writes what the server knows into the elements `<meta name="tidings-…">` of a page. */
function withMeta(html: string, values: Readonly<Record<string, string>>): string {
  return html.replace(/(<meta name="tidings-(\w+)" content=")[^"]*/g, (_, before: string, name: string) => {
    return before + escapeAttribute(values[name] ?? "");
  });
}

/** A browser asks again at every visit. It keeps the fragment. */
function redirectTo(location: string): MiddlewareHandler {
  return async (context) => {
    context.header("Cache-Control", "no-cache");
    return context.redirect(location, 302);
  };
}

const keep: MiddlewareHandler = async (context, next) => {
  await next();
  if (context.res.ok) context.header("Cache-Control", IMMUTABLE);
};

/** Reads the page at every visit, so that a new build needs no restart. */
function readPage(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, "index.html"), "utf8");
  } catch {
    return undefined;
  }
}

/**
 * Finds the package's folder by its package.json. This code runs from src/gateway/http or, bundled, from dist.
 * @returns undefined when an application has bundled this code into its own
 */
function packageFolder(from: string): string | undefined {
  if (isPackage(from)) return from;
  const parent = dirname(from);
  return parent === from ? undefined : packageFolder(parent);
}

function isPackage(folder: string): boolean {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).name === "tidings";
  } catch {
    return false;
  }
}

const escapeAttribute = (text: string): string =>
  text.replace(/[&"<>]/g, (each) => `&#${each.charCodeAt(0)};`);
