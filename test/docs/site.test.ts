import { describe, expect, it } from "vitest";
import { anchorOf } from "../../site/anchor.ts";
import { pageOf, rewriteLinks } from "../../site/assemble.ts";
import { GROUPS } from "../../site/navigation.ts";
import { anchorsOf, pages, readPage } from "./markdown.ts";

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
