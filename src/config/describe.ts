import type { NamedKey } from "./key.ts";
import { CONFIG_KEYS } from "./table.ts";

const PREAMBLE = `# Configuration

Everything works without any configuration. What is set is taken, the strongest first, from

1. options in code: \`createHub({ websocket: { shardCount: 4 } })\`
2. flags: \`tidings serve --websocket-shard-count 4\`
3. the environment: \`WEBSOCKET_SHARD_COUNT=4\`
4. a YAML or JSON file: \`tidings serve --config tidings.yaml\`
5. the defaults below.

Unknown keys and bad values of all sources are reported together, in one error that says what was expected. Unknown
variables in the environment are ignored, but for those that begin with \`WEBSOCKET_\`; an empty variable counts as unset.
A setting of \`jwt\` without a key (\`jwt.secret\`, \`jwt.publicKey\` or \`jwt.jwksUrl\`) is an error, and here an empty variable counts as given: a
missing secret must not end in development mode. NODE_ENV=production needs a key too (in code: \`jwt\` or \`auth\`).
On and off are written \`true\`/\`false\` or \`1\`/\`0\`; lists are written with commas between the items where only text is possible.

\`tidings config\` prints the effective configuration and where each value comes from, with the secrets (marked ● below) masked.
Files use the keys as they stand here, nested at the dots:

\`\`\`yaml
port: 9000
websocket:
  shardCount: 4
\`\`\`

This page is generated from src/config/table.ts.
`;

const HEADINGS: Readonly<Record<string, string>> = {
  "": "Server",
  node: "Node",
  cluster: "Cluster",
  jwt: "Tokens",
  websocket: "WebSockets",
  history: "History",
  presence: "Presence",
  publish: "Publishing",
  timeouts: "Timeouts",
  shutdown: "Shutdown",
};

/** docs/CONFIGURATION.md: how configuration works, and every key. */
export const describeConfig = (): string => `${PREAMBLE}\n${configTables()}`;

/** A table (Markdown) of the keys of each group. */
export function configTables(): string {
  const groups = Map.groupBy(CONFIG_KEYS, headingOf);
  const tables = [...groups].map(([group, keys]) => {
    const rows = keys.map(rowOf).join("\n");
    return `## ${group}\n\n| key | environment | default | meaning |\n| --- | --- | --- | --- |\n${rows}\n`;
  });
  return tables.join("\n");
}

/** The heading under which a key is explained. */
export function headingOf({ path }: NamedKey): string {
  const group = path.slice(0, Math.max(0, path.indexOf(".")));
  return HEADINGS[group] ?? group;
}

function rowOf(key: NamedKey): string {
  const secret = key.secret === undefined ? "" : " ●";
  return `| \`${key.path}\`${secret} | \`${key.env}\` | ${defaultText(key)} | ${key.doc.replaceAll("|", "\\|")} |`;
}

/** A key's default in words (Markdown); empty when it has none. */
export function defaultText({ default: value, defaultText, unit }: NamedKey): string {
  if (defaultText !== undefined) return defaultText;
  if (value === undefined) return "";
  return `\`${String(value)}\`${unit === "s" || unit === "ms" || unit === "bytes" ? ` ${unit}` : ""}`;
}
