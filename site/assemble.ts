/** Assembles the pages of the site from the Markdown files and the examples of the repository. */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, normalize, relative } from "node:path";

const REPOSITORY = join(import.meta.dirname, "..");

/** Folder of the assembled pages. */
export const PAGES = join(import.meta.dirname, "pages");

/** Pages from outside docs/, by their path in the repository. */
const OTHERS: Readonly<Record<string, string>> = {
  "CHANGELOG.md": "changelog.md",
  "CONTRIBUTING.md": "contributing.md",
  "SECURITY.md": "reporting.md",
  "examples/README.md": "examples/index.md",
};

const LANGUAGES: Readonly<Record<string, string>> = {
  ".conf": "nginx",
  ".css": "css",
  ".html": "html",
  ".json": "json",
  ".py": "python",
  ".ts": "ts",
  ".tsx": "tsx",
};

/** Page of the site for a file of the repository. Undefined: the site does not have it. */
export function pageOf(path: string): string | undefined {
  if (path in OTHERS) return OTHERS[path];
  if (path === "examples") return OTHERS["examples/README.md"];
  const [folder = "", name = ""] = [dirname(path), basename(path)];
  if (folder === "docs" && extname(name) === ".md") return name.toLowerCase();
  if (!path.startsWith("examples/")) return undefined;
  if (name === "README.md") return join(folder, "index.md");
  // A page `index.html.md` would be taken for the index of its folder.
  return extname(name) in LANGUAGES ? `${path.replace(/\.(?=\w+$)/, "-")}.md` : undefined;
}

/** Writes all pages anew, but for the API reference. */
export function assemble(): void {
  rmSync(PAGES, { recursive: true, force: true });
  for (const path of globSync(["docs/*.md", ...Object.keys(OTHERS), "examples/**/README.md"], inRepository)) {
    write(pageOf(path), rewriteLinks(path, readFileSync(join(REPOSITORY, path), "utf8")));
  }
  for (const path of globSync("examples/**/*.{conf,css,html,json,py,ts,tsx}", inRepository)) {
    const text = readFileSync(join(REPOSITORY, path), "utf8");
    write(pageOf(path), `# ${path}\n\n\`\`\`\`${LANGUAGES[extname(path)]}\n${text}\`\`\`\`\n`);
  }
  cpSync(join(REPOSITORY, "docs/images"), join(PAGES, "public/images"), { recursive: true });
  write("index.md", readFileSync(join(import.meta.dirname, "home.md"), "utf8"));
}

const inRepository = { cwd: REPOSITORY, exclude: ["**/node_modules/**"] };

function write(page: string | undefined, text: string): void {
  if (page === undefined) return;
  mkdirSync(dirname(join(PAGES, page)), { recursive: true });
  writeFileSync(join(PAGES, page), text);
}

/**
 * Points links at pages of the site, and makes links of the names of Markdown files. A link to a file that the site does not have becomes
 * its text.
 */
export function rewriteLinks(path: string, text: string): string {
  const page = pageOf(path) ?? "";
  return outsideOfBlocks(text, (part) =>
    part.replace(LINK_OR_NAME, (found, link, ...parts) =>
      link === undefined ? linkOfName(path, page, found) : rewritten(path, page, [link, ...parts]),
    ),
  );
}

/** Makes links of the names of Markdown files in a page of the API reference, such as `docs/PROTOCOL.md` in a docstring. */
export const linkNames = (page: string, text: string): string =>
  outsideOfBlocks(text, (part) =>
    part.replace(LINK_OR_NAME, (found, link) => (link === undefined ? linkOfName("", page, found) : found)),
  );

const outsideOfBlocks = (text: string, change: (part: string) => string): string =>
  text
    .split(/(^```.*?^```$)/gms)
    .map((part, index) => (index % 2 === 1 ? part : change(part)))
    .join("");

const LINK = /((!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\))/;

/** Code of a line comes before names: a name within a longer command stays. */
const LINK_OR_NAME = new RegExp(
  `${LINK.source}|\`[^\`\\n]+\`|(?<![\\w/.-])(?:docs/)?[A-Z][A-Z-]*\\.md\\b`,
  "g",
);

/** Folder of the pictures, which {@link assemble} copies to the root of the site. */
const PICTURES = /^docs\/images\//;

const FILE_NAME = /^(?:docs\/)?[A-Z][A-Z-]*\.md$/;

/** Makes a link of a name, also of one in code. Names without a page stay as they are. */
function linkOfName(path: string, page: string, text: string): string {
  const name = text.replaceAll("`", "");
  if (!FILE_NAME.test(name)) return text;
  const source = name.startsWith("docs/") ? name : join(dirname(path), name);
  if (pageOf(source) === undefined || !existsSync(join(REPOSITORY, source))) return text;
  return `[${titleOf(source)}](./${relative(dirname(page), pageOf(source) ?? "")})`;
}

/** First heading of a page. */
function titleOf(path: string): string {
  const [, title] = /^# (.*)$/m.exec(readFileSync(join(REPOSITORY, path), "utf8")) ?? [];
  return title ?? basename(path);
}

function rewritten(path: string, page: string, [link, picture, label = "", target = ""]: string[]): string {
  if (/^[a-z]+:|^#/.test(target)) return link ?? "";
  const [file = "", anchor] = target.split("#");
  const source = normalize(join(dirname(path), file)).replace(/\/$/, "");
  if (picture === "!") return `![${label}](${source.replace(PICTURES, "/images/")})`;
  const other = pageOf(source);
  if (other === undefined) return label;
  const href = relative(dirname(page), other);
  // Readers of the site see titles, and no names of files.
  const text = FILE_NAME.test(label) ? titleOf(source) : label;
  return `[${text}](./${href}${anchor === undefined ? "" : `#${anchor}`})`;
}
