import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { isKey, type KeyTable } from "./key.ts";
import type { Config } from "./shape.ts";
import { closest, isOneMistake } from "./suggest.ts";
import { CONFIG_KEYS, TABLE } from "./table.ts";

/** A value and its place: `flag --port`, `environment PORT`, `tidings.yaml: port`, `option port`. */
export interface Given {
  readonly value: unknown;
  readonly place: string;
}

/** Values of one source by the path of their key, and problems with its names. */
export interface Layer {
  readonly given: ReadonlyMap<string, Given>;
  /** Places that name the group `jwt` or a key in it, even without a value: `option jwt`, `environment JWT_SECRET`. */
  readonly jwtPlaces: readonly string[];
  readonly problems: readonly string[];
}

/** Command line flags, by their name without dashes: `{ "websocket-shard-count": "4" }`. */
export type Flags = Readonly<Record<string, unknown>>;

export type Environment = Readonly<Record<string, string | undefined>>;

export function readFlags(flags: Flags): Layer {
  const paths = new Map(CONFIG_KEYS.map((key) => [key.flag, key.path]));
  const given = new Map<string, Given>();
  const problems: string[] = [];
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const path = paths.get(name);
    if (path === undefined) problems.push(unknown(`flag --${name}`, name, paths.keys(), "--"));
    else given.set(path, { value, place: `flag --${name}` });
  }
  return { given, jwtPlaces: jwtPlacesOf(given), problems };
}

/** The places of the keys of `jwt` that have a value. */
const jwtPlacesOf = (given: ReadonlyMap<string, Given>): string[] =>
  [...given].filter(([path]) => isJwtKey(path)).map(([, { place }]) => place);

const isJwtKey = (path: string | undefined): boolean => path?.startsWith("jwt.") === true;

/**
 * Recognises variables that Kubernetes sets in every container for a service named `websocket`: they are no settings.
 * The value decides for `WEBSOCKET_PORT`, because `WEBSOCKET_PORT=8080` is a mistake for `PORT`.
 */
const isServiceVariable = (name: string, value: string): boolean =>
  /^WEBSOCKET_(SERVICE_|PORT_\d)/.test(name) || (name === "WEBSOCKET_PORT" && /^(tcp|udp|sctp):/.test(value));

/**
 * Reads the environment. Empty variables count as unset, but the places of empty `JWT_…` variables are kept. Unknown
 * ones are ignored, except `WEBSOCKET_…`.
 */
export function readEnvironment(environment: Environment): Layer {
  const paths = new Map(CONFIG_KEYS.map((key) => [key.env, key.path]));
  const given = new Map<string, Given>();
  const emptyJwtPlaces: string[] = [];
  const problems: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    const path = paths.get(name);
    if (value === "" && isJwtKey(path)) emptyJwtPlaces.push(`environment ${name}`);
    if (value === undefined || value === "") continue;
    if (path !== undefined) given.set(path, { value, place: `environment ${name}` });
    else if (
      name.startsWith("WEBSOCKET_") ? !isServiceVariable(name, value) : isMistyped(name, paths.keys())
    ) {
      problems.push(unknown(`environment ${name}`, name, paths.keys()));
    }
  }
  return { given, jwtPlaces: [...emptyJwtPlaces, ...jwtPlacesOf(given)], problems };
}

/** Reads a YAML or JSON file, or the parsed content of one. */
export function readFile(file: string | object): Layer {
  if (typeof file !== "string") return readTree(file, (path) => `file: ${path}`);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return failed(`${file}: cannot be read (${error instanceof Error ? error.message : String(error)})`);
  }
  const document = parseDocument(text); // YAML 1.2 includes JSON
  const [broken] = document.errors;
  if (broken !== undefined) return failed(`${file}: ${problemOf(broken.message)}`);
  const place = (path: string) => `${file}: ${path}`;
  if (document.contents === null) return readTree({}, place);
  let tree: unknown;
  try {
    tree = document.toJS();
  } catch {
    return failed(`${file}: an alias (*name) has no anchor (&name) before it`); // its name may be a secret
  }
  return readTree(tree, place);
}

/** The first line of an error of the parser, without the text that it quotes: it may be a secret. */
const problemOf = (message: string): string =>
  (message.split("\n")[0] ?? "").replace(/(['"`]).*\1/s, "…").replace(/:$/, "");

const failed = (problem: string): Layer => ({
  given: new Map(),
  jwtPlaces: [],
  problems: [problem],
});

/** Reads an object shaped like the configuration. `null` (a name without a value in YAML) counts as unset. */
export function readTree(tree: unknown, place: (path: string) => string): Layer {
  const given = new Map<string, Given>();
  const jwtPlaces: string[] = [];
  const problems: string[] = [];
  const visit = (branch: unknown, table: KeyTable, prefix: string): void => {
    if (!isObject(branch)) {
      problems.push(`${place(prefix.slice(0, -1) || "content")}: expected keys and values`);
      return;
    }
    if (table === TABLE.jwt && !isResolved(branch)) jwtPlaces.push(place("jwt"));
    for (const [name, value] of Object.entries(branch)) {
      if (value === undefined || value === null) continue;
      const path = prefix + name;
      const entry = Object.hasOwn(table, name) ? table[name] : undefined;
      if (entry === undefined) problems.push(unknownPath(place(path), path));
      else if (isKey(entry)) given.set(path, { value, place: place(path) });
      else visit(value, entry, `${path}.`);
    }
  };
  visit(tree, TABLE, "");
  return { given, jwtPlaces, problems };
}

const resolvedGroups = new WeakSet<object>();

/**
 * Marks the `jwt` of a resolved configuration. A resolved configuration names every group, so without the mark
 * `createHub(resolveConfig())` would look like an application whose secret is missing.
 */
export function markResolved({ jwt }: Config): void {
  resolvedGroups.add(jwt);
}

const isResolved = (group: object): boolean => resolvedGroups.has(group);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Names of other libraries for settings of the hub. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  cors: "http.corsOrigins",
  maxPayload: "websocket.maxMessageSize",
  pingInterval: "websocket.heartbeatInterval",
  pingTimeout: "websocket.connectionTimeout",
};

/** The problem of a path that is no key: it may be a name at the wrong place, or in the form of another source. */
function unknownPath(place: string, path: string): string {
  const paths = CONFIG_KEYS.map((key) => key.path);
  if (paths.includes(path)) return `${place}: write it nested at the dots: ${nested(path)}`;
  const name = path.split(".").at(-1) ?? path;
  const byForm = CONFIG_KEYS.find(({ env, flag }) => env === name || flag === name)?.path;
  const inPlace = paths.filter((known) => known.endsWith(`.${name}`));
  const other = Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined;
  const meant = byForm ?? other ?? (inPlace.length === 1 ? inPlace[0] : undefined);
  return meant === undefined
    ? unknown(place, path, paths)
    : `${place}: unknown, did you mean ${nested(meant)}?`;
}

/** `websocket.shardCount` as `websocket: { shardCount: … }`, which is code and YAML. */
const nested = (path: string): string =>
  path
    .split(".")
    .reduceRight((inner, name) => (inner === "…" ? `${name}: ${inner}` : `${name}: { ${inner} }`), "…");

/**
 * Tells whether a variable is a setting with one mistake: a letter too many, too few, wrong, or in the place of its
 * neighbour. Ignored, it could turn on development mode (`JWT_SECERT`). Short names are other programs'.
 */
const isMistyped = (name: string, known: Iterable<string>): boolean =>
  name.length >= 8 && [...known].some((setting) => isOneMistake(name, setting));

function unknown(place: string, name: string, known: Iterable<string>, dashes = ""): string {
  const suggestion = closest(name, known);
  return `${place}: unknown${suggestion === undefined ? "" : `, did you mean ${dashes}${suggestion}?`}`;
}
