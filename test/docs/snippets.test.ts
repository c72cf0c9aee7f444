import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { REPOSITORY } from "../support/repository.ts";
import { type Block, type Page, pages } from "./markdown.ts";

const all = pages();

const blocksIn = (language: string): [place: string, page: Page, block: Block][] =>
  all.flatMap((page) =>
    page.blocks
      .filter((block) => block.language === language)
      .map((block): [string, Page, Block] => [`${page.path}:${block.line}`, page, block]),
  );

/** Declarations that snippets may use without an import. */
const AMBIENT = `
declare const hub: import("tidings").Hub<Record<string, unknown>>;
declare const client: import("tidings/client").Client;
declare const server: import("node:http").Server;
`;

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  types: ["node"],
  strict: true,
  noUncheckedIndexedAccess: true,
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  skipLibCheck: true,
  noEmit: true,
  jsx: ts.JsxEmit.ReactJSX,
  paths: {
    tidings: [join(REPOSITORY, "src/index.ts")],
    "tidings/client": [join(REPOSITORY, "src/client/client.ts")],
    "tidings/react": [join(REPOSITORY, "src/react/react.ts")],
    "tidings/stores": [join(REPOSITORY, "src/stores/stores.ts")],
    "tidings/client/offline": [join(REPOSITORY, "src/offline/offline.ts")],
    "tidings/rooms": [join(REPOSITORY, "src/client/rooms.ts")],
    "tidings/chat": [join(REPOSITORY, "src/chat/chat.ts")],
    "tidings/limit": [join(REPOSITORY, "src/limit/limit.ts")],
    "tidings/testing": [join(REPOSITORY, "src/testing/testing.ts")],
    "tidings/log": [join(REPOSITORY, "src/log/log.ts")],
    "tidings/outbox": [join(REPOSITORY, "src/outbox/outbox.ts")],
    "tidings/protocol": [join(REPOSITORY, "src/protocol/protocol.ts")],
  },
};

/** Checks texts as if they were files of the repository. @returns what is wrong, by place */
function typeCheck(texts: ReadonlyMap<string, string>): string[] {
  const files = new Map([...texts].map(([name, text]) => [join(REPOSITORY, name), text]));
  const ambient = join(REPOSITORY, "ambient.d.ts");
  const host = ts.createCompilerHost(OPTIONS);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => files.has(path) || path === ambient || fileExists(path);
  host.getSourceFile = (path, target, ...rest) => {
    const text = path === ambient ? AMBIENT : files.get(path);
    if (text === undefined) return getSourceFile(path, target, ...rest);
    // The declarations are global, and so the file must not be taken for a module.
    const settings = path === ambient ? { languageVersion: ts.ScriptTarget.ES2024 } : target;
    return ts.createSourceFile(path, text, settings);
  };
  const program = ts.createProgram([...files.keys(), ambient], OPTIONS, host);
  return [...files.keys(), ambient].flatMap((path) => {
    const file = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText }) =>
        `${path.slice(REPOSITORY.length + 1)}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
    );
  });
}

describe("TypeScript in the documentation", () => {
  it("fits the types of the package", () => {
    const snippets = [...blocksIn("ts"), ...blocksIn("tsx")].map(
      ([place, , { language, text }]) => [`${place.replace(":", ".")}.${language}`, text] as const,
    );
    expect(snippets.length).toBeGreaterThan(5);
    expect(typeCheck(new Map(snippets))).toEqual([]);
  });

  it("fails this test when it has type errors", () => {
    const wrong =
      'import { createHub } from "tidings";\nawait createHub().user("bob").say();\nawait hub.nodes();\nclient.joy();';
    expect(typeCheck(new Map([["wrong.ts", wrong]]))).toEqual([
      expect.stringContaining("'say' does not exist"),
      expect.stringContaining("'joy' does not exist"),
    ]);
  });
});

describe("JSON and YAML in the documentation", () => {
  it.each(blocksIn("json"))("can be read: %s", (_place, _page, { text }) => {
    const documents = isJson(text) ? [text] : text.trim().split("\n");
    expect(documents.filter((document) => !isJson(document))).toEqual([]);
  });

  it.each(blocksIn("yaml"))("can be read: %s", (_place, _page, { text }) => {
    expect(parseAllDocuments(text).flatMap(({ errors }) => errors)).toEqual([]);
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("commands in the documentation", () => {
  const builtIn = ["ci", "init", "install", "pack", "pkg"];

  /** Scripts of the folder of a page, which may be a template with a manifest of its own. */
  function scriptsFor({ path }: Page): object {
    const own = join(REPOSITORY, dirname(path), "package.json");
    return JSON.parse(readFileSync(existsSync(own) ? own : join(REPOSITORY, "package.json"), "utf8")).scripts;
  }

  it.each(blocksIn("sh"))("name existing scripts only: %s", (_place, page, { text }) => {
    const scripts = scriptsFor(page);
    const names = [...text.matchAll(/\bnpm (?:run )?([\w:-]+)/g)].map(([, name = ""]) => name);
    expect(names.filter((name) => !(name in scripts) && !builtIn.includes(name))).toEqual([]);
  });
});
