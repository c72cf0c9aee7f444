import type { NamedKey } from "./key.ts";
import { CONFIG_KEYS } from "./table.ts";

const PREAMBLE = `# Configuration

Tidings needs no configuration. \`createHub\` in an application takes options alone, and reads neither the environment nor files:
\`createHub({ websocket: { shardCount: 4 } })\`, by the keys below. \`tidings serve\` takes its settings from these sources, the strongest first:

1. flags: \`tidings serve --websocket-shard-count 4\`
2. the environment: \`WEBSOCKET_SHARD_COUNT=4\` for \`websocket.shardCount\`
3. a YAML or JSON file: \`tidings serve --config tidings.yaml\`
4. the defaults below.

An application has them too with \`createHub(resolveConfig({ code: options, env: process.env, file: "tidings.yaml" }))\`; \`code\` is the strongest.

One error reports the unknown keys and invalid values of all sources, with the expected value for each. Unknown variables
in the environment are ignored, except those that begin with \`WEBSOCKET_\`. An empty variable counts as unset. Write
booleans as \`true\`/\`false\` or \`1\`/\`0\`. In flags and the environment, write lists with commas between the items,
and maps as JSON.

A setting of \`jwt\` without a key (\`jwt.secret\`, \`jwt.publicKey\` or \`jwt.jwksUrl\`) is an error, because a missing secret must not
turn on development mode. Here an empty variable counts as given. NODE_ENV=production requires a key too (in code: \`jwt\` or \`auth\`).

\`tidings config\` prints the effective configuration and the source of each value. It masks the secrets (marked ● below).
Files use the keys below, nested at the dots:

\`\`\`yaml
port: 9000
websocket:
  shardCount: 4
\`\`\`

<!-- Generated from src/config/table.ts. -->
`;

const HEADINGS: Readonly<Record<string, string>> = {
  "": "Server",
  node: "Node",
  cluster: "Cluster",
  jwt: "Tokens",
  development: "Development mode",
  security: "Security",
  messageLogLimits: "Message log",
  websocket: "WebSockets",
  http: "HTTP",
  grpc: "gRPC",
  storage: "Data directory",
  history: "History",
  presence: "Presence",
  publish: "Publishing",
  policy: "Permissions",
  limits: "Limits",
  overload: "Overload",
  recorder: "Flight recorder",
  timeouts: "Timeouts",
  shutdown: "Shutdown",
};

/** Generates docs/CONFIGURATION.md: the rules of configuration, and every key. */
export const describeConfig = (): string => `${PREAMBLE}\n${configTables()}`;

/** Generates a Markdown table for each group of keys. */
export function configTables(): string {
  const groups = Map.groupBy(CONFIG_KEYS, headingOf);
  const tables = [...groups].map(([group, keys]) => {
    const rows = keys.map(rowOf).join("\n");
    return `## ${group}\n\n| key | environment | default | meaning |\n| --- | --- | --- | --- |\n${rows}\n`;
  });
  return tables.join("\n");
}

/** Heading of a key's group. */
export function headingOf({ path }: NamedKey): string {
  const group = path.slice(0, Math.max(0, path.indexOf(".")));
  return HEADINGS[group] ?? group;
}

function rowOf(key: NamedKey): string {
  const secret = key.secret === undefined ? "" : " ●";
  return `| \`${key.path}\`${secret} | \`${key.env}\` | ${defaultText(key)} | ${key.doc.replaceAll("|", "\\|")} |`;
}

/** Units that follow a number. */
const MEASURES = ["s", "ms", "bytes", "%"];

/** A value as flags and the environment write it: lists with commas, maps as JSON. */
export const valueText = (value: unknown): string =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? JSON.stringify(value)
    : String(value);

/** A key's default as Markdown. Empty when it has none. */
export function defaultText({ default: value, defaultText, unit }: NamedKey): string {
  if (defaultText !== undefined) return defaultText;
  if (value === undefined) return "";
  return `\`${valueText(value)}\`${MEASURES.includes(unit ?? "") ? ` ${unit}` : ""}`;
}
