import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { anchorsOf, exists, localLinks, pages } from "./markdown.ts";

const all = pages();

describe("links in the documentation", () => {
  it("are checked on every page", () => {
    const paths = all.map(({ path }) => path);
    expect(paths).toContain("README.md");
    expect(paths).toContain("docs/PROTOCOL.md");
    expect(paths).toContain("bench/README.md");
  });

  it.each(all.map((page) => [page.path, page] as const))("lead somewhere: %s", (path, page) => {
    const broken = localLinks(page).filter((link) => {
      const [target = "", anchor] = link.split("#");
      const file = target === "" ? path : normalize(join(dirname(path), target));
      if (!exists(file)) return true;
      const other = all.find((each) => each.path === file);
      return anchor !== undefined && (other === undefined || !anchorsOf(other).includes(anchor));
    });
    expect(broken).toEqual([]);
  });
});
