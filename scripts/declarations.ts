import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONFIG_KEYS, defaultText } from "../src/config/config.ts";

/**
 * Makes the declarations in a folder fit to be read: the configuration is an interface with a comment for each setting, in place of the
 * table from which its type is derived, and imports that nothing uses are removed. The bundler of declarations keeps both.
 */
export function tidyDeclarations(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.endsWith(".d.mts"))) {
    const path = join(folder, name);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, withoutUnusedImports(text.includes(TABLE) ? withConfig(text) : text));
  }
}

const TABLE = "declare const TABLE: {\n";
const END = "\n};\n//#endregion\n";

/** What derives the configuration's type from the table: regions and types that are of no use without it. */
const DERIVATION = [
  /\/\/#region src\/config\/key\.d\.ts\n.*?\/\/#endregion\n/s,
  /^type (ValueOf|UnsetNames|ShapeOf|Flat)<.*;\n/m,
  /^type (ValueOf|UnsetNames|ShapeOf|Flat)<.*;\n/m,
  /^type (ValueOf|UnsetNames|ShapeOf|Flat)<.*;\n/m,
  /^type (ValueOf|UnsetNames|ShapeOf|Flat)<.*;\n/m,
  /^\/\*\* Names of the optional leaves\. \*\/\n/m,
  /^\/\*\* Flattens an intersection.*\*\/\n/m,
  /^\/\*\* The whole configuration.*\*\/\ntype Config = ShapeOf<typeof TABLE>;\n/m,
];

/** @throws Error when the declarations look otherwise than expected */
function withConfig(text: string): string {
  const start = text.lastIndexOf("/**", text.indexOf(TABLE));
  const end = text.indexOf(END, start);
  if (end < 0) throw new Error("declarations: the table of settings has no end");
  const rows = text
    .slice(text.indexOf(TABLE) + TABLE.length, end)
    // The bundler numbers a name that another module has too.
    .replaceAll(/\bKey\$\d+</g, "Key<")
    // The type of a setting may be long: then it has several lines.
    .replace(/Key<[^\n]*[^;\n]\n.*?>;$/gms, (type) => type.replace(/\s*\n\s*/g, " "))
    .split("\n");
  const config = [
    "/** The whole configuration, resolved and frozen. */",
    "interface Config {",
    ...settings(rows),
    "}\n//#endregion\n",
  ].join("\n");
  let rest = text.slice(0, start) + config + text.slice(end + END.length);
  for (const part of DERIVATION) {
    if (!part.test(rest)) throw new Error(`declarations: expected ${part}`);
    rest = rest.replace(part, "");
  }
  return rest;
}

/** The rows of the table as fields of an interface. */
function settings(rows: readonly string[]): string[] {
  const groups: string[] = [];
  return rows.flatMap((row) => {
    const [, indent = "", name = "", type] = /^(\s+)(?:readonly )?(\w+): (?:Key<(.*)>;|\{)$/.exec(row) ?? [];
    if (name === "") {
      groups.pop();
      return [row];
    }
    if (type === undefined) {
      groups.push(name);
      return [`${indent}readonly ${name}: {`];
    }
    const value = type.replace(/ \| undefined$/, "");
    const comment = commentOf([...groups, name].join("."));
    return [`${indent}/** ${comment} */`, `${indent}readonly ${name}${value === type ? "" : "?"}: ${value};`];
  });
}

function commentOf(path: string): string {
  const key = CONFIG_KEYS.find((each) => each.path === path);
  if (key === undefined) throw new Error(`declarations: no setting ${path}`);
  const text = `${key.doc.charAt(0).toUpperCase()}${key.doc.slice(1)}.`;
  const value = defaultText(key);
  return value === "" ? text : `${text} @default ${value}`;
}

function withoutUnusedImports(text: string): string {
  // The names by which a file exports to its neighbours are of one letter, as some imports are.
  const withoutAliases = text.replaceAll(/^export \{.*$/gm, (line) => line.replaceAll(/ as [\w$]+/g, ""));
  const code = withoutAliases.replaceAll(/^import .*$|\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
  return text.replace(/^import \{ (.*) \} from "([^"]+)";\n/gm, (_line, names: string, source: string) => {
    const used = names.split(", ").filter((each) => {
      const local = each.split(" as ").at(-1) ?? each;
      return new RegExp(`(?<![\\w$.])${local.replace("$", "\\$")}(?![\\w$])`).test(code);
    });
    return used.length === 0 ? "" : `import { ${used.join(", ")} } from "${source}";\n`;
  });
}
