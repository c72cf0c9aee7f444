import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

/** The development page. `npx vite` serves it with hot reload, next to a hub from `npm start`. */
export default defineConfig({
  root: "web",
  base: "./",
  plugins: [preact({ devToolsEnabled: false, reactAliasesEnabled: false })],
  build: {
    outDir: "../dist/web",
    // The hub serves the page at /dev, without a slash: `./dev/…` is below it.
    assetsDir: "dev",
    emptyOutDir: true,
    target: "es2022",
    // The page's security policy allows files, but nothing that stands in the HTML.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
  server: { proxy: { "/ws": { target: "ws://127.0.0.1:8080", ws: true } } },
});
