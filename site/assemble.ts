/** Assembles the pages of the site from the Markdown files and the examples of the repository. */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** Points links at pages of the site. A link to a file that the site does not have becomes its text. */
export function rewriteLinks(path: string, text: string): string {
  const page = pageOf(path) ?? "";
  const outsideOfBlocks = text.split(/(^```.*?^```$)/gms);
  return outsideOfBlocks
    .map((part, index) =>
      index % 2 === 1 ? part : part.replace(LINK, (...found) => rewritten(path, page, found)),
    )
    .join("");
}

const LINK = /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g;

/** Folder of the pictures, which {@link assemble} copies to the root of the site. */
const PICTURES = /^docs\/images\//;

const FILE_NAME = /^(?:docs\/)?[A-Z-]+\.md$/;

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
