import preact from "@preact/preset-vite";
import { defineConfig } from "vite";
import { precompress } from "./scripts/precompress.ts";

/** A folder of web/ each. The server serves a page at the path of its folder's name; `start` at `/`. */
const PAGES = [
  "start", //
  "chat",
  "console",
  "dev",
];

/** The pages. `npx vite` serves them with hot reload, next to a hub from `npm start`. */
export default defineConfig({
  root: "web",
  base: "./",
  plugins: [preact({ devToolsEnabled: false, reactAliasesEnabled: false }), precompress()],
  experimental: {
    // A page's address has no slash at its end, so a path from its HTML begins at the folder above; from other files it is relative.
    renderBuiltUrl: (file, { hostType }) => (hostType === "html" ? `./${file}` : { relative: true }),
  },
  build: {
    outDir: "../dist/web",
    assetsDir: "pages",
    emptyOutDir: true,
    target: "es2022",
    // A page's security policy allows files, but nothing that stands in the HTML.
    assetsInlineLimit: 0,
    modulePreload: false,
    rolldownOptions: { input: Object.fromEntries(PAGES.map((page) => [page, `web/${page}/index.html`])) },
  },
  server: {
    proxy: {
      "/ws": { target: "http://127.0.0.1:8080", ws: true },
      "/openapi.json": "http://127.0.0.1:8080",
      "/tokens": "http://127.0.0.1:8080",
      // Operations of the chat, beside the files of its page.
      "^/chat/\\w+$": "http://127.0.0.1:8080",
    },
  },
});
