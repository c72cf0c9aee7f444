import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { anchorOf } from "../../site/anchor.ts";
import { linkNames, pageOf, rewriteLinks } from "../../site/assemble.ts";
import { GROUPS } from "../../site/navigation.ts";
import { weightOf } from "../../site/search.ts";
import { withBreaks } from "../../site/tables.ts";
import { REPOSITORY } from "../support/repository.ts";
import { anchorsOf, exists, pages, readPage } from "./markdown.ts";

describe("the site", () => {
  it("has every page of docs/ in its navigation", () => {
    const listed = GROUPS.flatMap(({ pages: each }) => Object.keys(each));
    const own = pages().filter(({ path }) => path.startsWith("docs/"));
    const names = own.map(({ path }) => pageOf(path)?.replace(/\.md$/, ""));
    expect(names.filter((name) => name === undefined || !listed.includes(name))).toEqual([]);
  });

  it("points links at its pages, and drops those that lead to sources", () => {
    const links = [
      "[the rules](PERMISSIONS.md#defaults), [HOOKS.md](HOOKS.md), [a server](../examples/express.ts)",
      "[changes](../CHANGELOG.md), [how to report](../SECURITY.md), [a source](../src/hub.ts), [above](#x), [web](https://x.org)",
    ];
    expect(rewriteLinks("docs/MESSAGES.md", links.join("\n")).split("\n")).toEqual([
      "[the rules](./permissions.md#defaults), [Hooks](./hooks.md), [a server](./examples/express-ts.md)",
      "[changes](./changelog.md), [how to report](./reporting.md), a source, [above](#x), [web](https://x.org)",
    ]);
    expect(rewriteLinks("examples/cluster/README.md", "[operations](../../docs/OPERATIONS.md)")).toBe(
      "[operations](./../../operations.md)",
    );
    expect(rewriteLinks("docs/MESSAGES.md", "```md\n[x](HOOKS.md)\n```\n")).toBe(
      "```md\n[x](HOOKS.md)\n```\n",
    );
  });

  it("names pages by their titles, where the repository names files", () => {
    const names = "docs/HOOKS.md and `PERMISSIONS.md`; README.md, `cat docs/HOOKS.md`, [x](#a)";
    expect(rewriteLinks("docs/MESSAGES.md", names)).toBe(
      "[Hooks](./hooks.md) and [Permissions](./permissions.md); README.md, `cat docs/HOOKS.md`, [x](#a)",
    );
    expect(linkNames("api/tidings.md", "see docs/HOOKS.md, [Hub](#hub)")).toBe(
      "see [Hooks](./../hooks.md), [Hub](#hub)",
    );
  });

  it.each(pages().filter(({ path }) => pageOf(path) !== undefined))(
    "names no file that is a page: $path",
    ({ path, text }) => {
      const shown = rewriteLinks(path, text)
        .replace(/^```.*?^```$/gms, "")
        .replace(/\]\([^)]*\)/g, "]");
      const names = [...shown.matchAll(/[\w/.-]+\.md\b/g)].map(([name]) => name);
      expect(names.filter((name) => pageOf(name.replace(/^(?!docs)/, "docs/")) !== undefined)).toEqual([]);
    },
  );

  it("has a page for each file that a docstring names", () => {
    const comments = globSync("src/**/*.ts", { cwd: REPOSITORY }).flatMap((path) =>
      (readFileSync(join(REPOSITORY, path), "utf8").match(/^ *(?:\/\*\*| \*).*$/gm) ?? []).join("\n"),
    );
    const names = comments.flatMap((text) => text.match(/[\w/.-]+\.md\b/g) ?? []);
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !exists(name) || linkNames("api/tidings.md", name) === name)).toEqual([]);
  });

  it("finds guides before the reference", () => {
    const weights = (paths: string[]): number[] => paths.map(weightOf);
    const guides = ["/messages.html#history", "/testing-applications.html", "/permissions.html"];
    expect(new Set(weights(guides))).toEqual(new Set([1]));
    const others = ["/api/tidings.html#block", "/http-api.html", "/changelog.html", "/testing.html"];
    for (const weight of weights(others)) expect(weight).toBeLessThan(1);
  });

  it("lets long names in tables break at their parts, and nowhere else", () => {
    const shown = (text: string): string => withBreaks(`<code>${text}</code>`).replaceAll("<wbr>", "|");
    expect(shown("limits.http.perRouteRates")).toBe("<code>limits.|http.|per|Route|Rates</code>");
    expect(shown("LIMITS_HTTP_RATE")).toBe("<code>LIMITS_|HTTP_|RATE</code>");
    expect(shown("127.0.0.0/8,::1")).toBe("<code>127.0.0.0/8,|::1</code>");
    expect(shown("&lt;id&gt;")).toBe("<code>&lt;id&gt;</code>");
  });

  it("takes pictures from where it has copied them", () => {
    expect(rewriteLinks("docs/MESSAGES.md", "![a page](images/page.png)")).toBe(
      "![a page](/images/page.png)",
    );
    expect(rewriteLinks("README.md", "![a page](docs/images/page.png)")).toBe("![a page](/images/page.png)");
    const web = "![badge](https://example.com/x.svg)";
    expect(rewriteLinks("docs/MESSAGES.md", web)).toBe(web);
  });

  it("keeps a link to a page that is missing, so that the build fails", () => {
    expect(rewriteLinks("docs/MESSAGES.md", "[gone](GONE.md)")).toBe("[gone](./gone.md)");
  });

  it("names headings as links in the pages do", () => {
    const page = readPage("docs/CLUSTER.md");
    const headings = [...page.text.replace(/^```.*?^```$/gms, "").matchAll(/^#+ (.*)$/gm)];
    expect(headings.map(([, heading = ""]) => anchorOf(heading))).toEqual(anchorsOf(page));
  });
});
