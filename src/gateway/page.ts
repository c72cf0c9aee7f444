import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import type { Hono, MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

/** Where the build puts the page, below the package's folder. */
const BUILT = "dist/web";

/** Names of built assets carry a hash of their content, so that a browser need never ask for one again. */
const IMMUTABLE = "public, max-age=31536000, immutable";

/** What the page may load and run: its own files, pictures from anywhere, and connections to the hub. */
const SECURITY: MiddlewareHandler = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    imgSrc: ["https:", "http:", "data:"],
    connectSrc: ["'self'", "ws:", "wss:"],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
    // Even a mistake cannot make HTML of a text: assigning one to innerHTML throws.
    requireTrustedTypesFor: ["'script'"],
    trustedTypes: ["'none'"],
  },
  referrerPolicy: "no-referrer",
  xFrameOptions: "DENY",
  // For development on loopback, where nothing is encrypted.
  strictTransportSecurity: false,
});

/**
 * Serves the page that development mode shows at `/`, from what `npm run build` has put into dist/web. Until it is
 * built, `/` says so.
 * @param path where the page finds the WebSocket
 */
export function mountPage(api: Hono, path = "/ws"): void {
  const root = packageFolder(import.meta.dirname);
  api.get("/", SECURITY, (context) => {
    context.header("Cache-Control", "no-cache");
    const html = root && readPage(join(root, BUILT));
    return html === undefined
      ? context.text("The page is not built yet: npm run build\n", 503)
      : context.html(html.replace('content="/ws"', () => `content="${escapeAttribute(path)}"`));
  });
  if (root === undefined) return;
  const assets = serveStatic({ root, rewriteRequestPath: (asset) => `/${BUILT}${asset}` });
  api.use("/assets/*", SECURITY, keep, assets);
}

const keep: MiddlewareHandler = async (context, next) => {
  await next();
  if (context.res.ok) context.header("Cache-Control", IMMUTABLE);
};

/** Read for every visit, so that a build is seen without a restart. */
function readPage(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, "index.html"), "utf8");
  } catch {
    return undefined;
  }
}

/**
 * This code runs from src/gateway or, bundled, from dist: the package begins where its package.json is.
 * @returns undefined in an application that has bundled this code into its own
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
