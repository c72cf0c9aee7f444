import { existsSync } from "node:fs";
import { join } from "node:path";
import { type DefaultTheme, defineConfig } from "vitepress";
import { anchorOf } from "../anchor.ts";
import { PAGES } from "../assemble.ts";
import { GROUPS } from "../navigation.ts";
import { weightOf } from "../search.ts";
import { breakNamesInTables } from "../tables.ts";

const linkTo = (page: string): string =>
  existsSync(join(PAGES, page, "index.md")) ? `/${page}/` : `/${page}`;

const has = (page: string): boolean =>
  existsSync(join(PAGES, `${page}.md`)) || existsSync(join(PAGES, page, "index.md"));

const sidebar: DefaultTheme.SidebarItem[] = GROUPS.map(({ text, pages }) => ({
  text,
  items: Object.entries(pages)
    .filter(([page]) => has(page))
    .map(([page, title]) => ({ text: title, link: linkTo(page) })),
}));

export default defineConfig({
  title: "Tidings",
  description: "A realtime hub for TypeScript: server, library and client SDK",
  lang: "en",
  srcDir: "pages",
  outDir: "dist",
  cacheDir: "cache",
  lastUpdated: false,
  transformPageData({ relativePath, frontmatter }) {
    if (relativePath === "configuration.md") frontmatter.pageClass = "settings";
  },
  // A dead link fails the build. Addresses of a reader's own machine are no pages.
  ignoreDeadLinks: [/^https?:\/\/(localhost|127\.0\.0\.1)/],
  // Pages link to headings as GitHub names them. A heading may end with `{user}`, which is no attribute of it.
  markdown: {
    attrs: { disable: true },
    anchor: { slugify: anchorOf },
    languageAlias: { haproxy: "nginx", redis: "shell" },
    config: breakNamesInTables,
  },
  themeConfig: {
    nav: [
      { text: "Getting started", link: "/getting-started" },
      { text: "Guide", link: "/messages" },
      { text: "Reference", link: "/protocol" },
    ],
    sidebar,
    outline: [2, 3],
    search: {
      provider: "local",
      options: { miniSearch: { searchOptions: { boostDocument: weightOf } } },
    },
    docFooter: { prev: "Previous", next: "Next" },
  },
});
