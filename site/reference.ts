/** Makes the API reference from the docstrings of the package's entries. */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Application, type TypeDocOptions } from "typedoc";
import type { PluginOptions } from "typedoc-plugin-markdown";
import { linkNames, PAGES } from "./assemble.ts";

const REPOSITORY = join(import.meta.dirname, "..");

/** Entries of the package by the path of their source, which is the name that TypeDoc gives to a module. */
const ENTRIES: Readonly<Record<string, string>> = {
  index: "tidings",
  "chat/chat": "tidings/chat",
  "client/client": "tidings/client",
  "client/rooms": "tidings/rooms",
  "offline/offline": "tidings/client/offline",
  "limit/limit": "tidings/limit",
  "log/log": "tidings/log",
  "outbox/outbox": "tidings/outbox",
  "protocol/protocol": "tidings/protocol",
  "react/react": "tidings/react",
  "stores/stores": "tidings/stores",
  "testing/testing": "tidings/testing",
};

const OPTIONS: TypeDocOptions & PluginOptions = {
  entryPoints: Object.keys(ENTRIES).map((path) => join(REPOSITORY, `src/${path}.ts`)),
  tsconfig: join(REPOSITORY, "tsconfig.json"),
  plugin: ["typedoc-plugin-markdown"],
  name: "API reference",
  readme: "none",
  disableSources: true,
  excludePrivate: true,
  excludeExternals: true,
  skipErrorChecking: true,
  // Names that the public surface does not export are shown as they stand.
  validation: { notExported: false, invalidLink: false },
  // TypeDoc cleans its output folder, which is docs/ unless told otherwise.
  outputs: [{ name: "markdown", path: join(PAGES, "api") }],
  outputFileStrategy: "modules",
  flattenOutputFiles: true,
  entryFileName: "index",
  hidePageHeader: true,
  hideBreadcrumbs: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  propertyMembersFormat: "table",
  // Two columns of names that say where a member of Error comes from made tables wider than their page.
  tableColumnSettings: { hideInherited: true, hideOverrides: true },
  logLevel: "Warn",
};

/** Writes the reference into the assembled pages. @throws Error when the sources cannot be read */
export async function writeReference(): Promise<void> {
  const app = await Application.bootstrapWithPlugins(OPTIONS);
  const project = await app.convert();
  if (project === undefined) throw new Error("the API reference could not be made");
  for (const child of project.children ?? []) {
    const name = ENTRIES[child.name];
    if (name === undefined) throw new Error(`the API reference has an unknown module ${child.name}`);
    child.name = name;
  }
  await app.generateOutputs(project);
  for (const page of globSync("api/*.md", { cwd: PAGES })) {
    const file = join(PAGES, page);
    writeFileSync(file, linkNames(page, readFileSync(file, "utf8")));
  }
}
