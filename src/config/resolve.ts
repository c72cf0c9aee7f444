import { TidingsError } from "../protocol/protocol.ts";
import type { NamedKey } from "./key.ts";
import { maskValue } from "./mask.ts";
import { deepFreeze, setPath } from "./path.ts";
import {
  apiKeyProblems,
  clusterProblems,
  completeConfig,
  dataProblems,
  heartbeatProblems,
  jwtProblems,
  lifetimeProblems,
  missingKeyProblems,
  weakKeyProblems,
} from "./relations.ts";
import type { Config, ConfigInput } from "./shape.ts";
import {
  type Environment,
  type Flags,
  type Given,
  type Layer,
  markResolved,
  readEnvironment,
  readFile,
  readFlags,
  readTree,
} from "./sources.ts";
import { CONFIG_KEYS } from "./table.ts";

/** Sources of settings, the strongest first. */
export interface ConfigSources {
  /** Options from code. */
  readonly code?: ConfigInput | undefined;
  /** Command line flags, by their name without dashes: `{ "websocket-shard-count": "4" }`. */
  readonly flags?: Flags | undefined;
  /** Usually `process.env`. */
  readonly env?: Environment | undefined;
  /** The path of a YAML or JSON file, or its parsed content. */
  readonly file?: string | object | undefined;
}

/** A resolved configuration, and the source of each value (`environment PORT`, `default`, …) by path. */
export interface ExplainedConfig {
  readonly config: Config;
  readonly places: ReadonlyMap<string, string>;
}

/**
 * Merges the sources (code > flags > environment > file > defaults) into one frozen configuration.
 * @throws TidingsError `bad_request`: one error that lists the unknown keys and invalid values of all sources, also
 * those that a stronger source overrides. It contains no secrets.
 */
export const resolveConfig = (sources: ConfigSources = {}): Config => explainConfig(sources).config;

/** Resolves the configuration as {@link resolveConfig}, with the source of each value. */
export function explainConfig(sources: ConfigSources = {}): ExplainedConfig {
  const layers = readLayers(sources);
  const problems = layers.flatMap((layer) => layer.problems);
  const places = new Map<string, string>();
  const tree = {};
  for (const key of CONFIG_KEYS) {
    const [strongest] = layers.flatMap((layer) => readGiven(key, layer, problems));
    setPath(tree, key.path, strongest === undefined ? structuredClone(key.default) : strongest.value);
    places.set(key.path, strongest?.place ?? "default");
  }
  const config = completeConfig(tree as Config); // every key of the table is set, and Config is derived from the table
  problems.push(...relationProblems(config), ...missingKeyProblems(layers));
  if (problems.length > 0) throw problemsError(problems);
  markResolved(config);
  return { config: deepFreeze(config), places };
}

/** Where `tidings serve` keeps its data: a restart of a first try loses nothing. */
const SERVER_DATA = "./data";

/** Resolves the configuration of a server: {@link resolveConfig}, and data on disk unless Redis or `data: false` is set. */
export function explainServerConfig(sources: ConfigSources = {}): ExplainedConfig {
  const explained = explainConfig(sources);
  const { data, redis } = explained.config;
  if (data !== undefined || redis !== undefined) return explained;
  const config = deepFreeze({ ...explained.config, data: SERVER_DATA });
  return { config, places: new Map(explained.places).set("data", "default of tidings serve") };
}

/** Checks the values against each other. */
const relationProblems = (config: Config): string[] => [
  ...jwtProblems(config.jwt, config.jwt.algorithms),
  ...lifetimeProblems(config.jwt),
  ...dataProblems(config),
  ...clusterProblems(config.cluster),
  ...heartbeatProblems(config.websocket),
  ...apiKeyProblems(config),
  ...weakKeyProblems(config),
];

function readLayers({ code, flags, env, file }: ConfigSources): Layer[] {
  return [
    ...(code === undefined ? [] : [readTree(code, (path) => `option ${path}`)]),
    ...(flags === undefined ? [] : [readFlags(flags)]),
    ...(env === undefined ? [] : [readEnvironment(env)]),
    ...(file === undefined ? [] : [readFile(file)]),
  ];
}

/** Reads a key's value from a layer. An invalid value becomes a problem instead. */
function readGiven(key: NamedKey, layer: Layer, problems: string[]): Given[] {
  const given = layer.given.get(key.path);
  if (given === undefined) return [];
  const { success, data, error } = key.schema.safeParse(given.value);
  if (success) return [{ value: data, place: given.place }];
  problems.push(`${given.place}: expected ${error.issues[0]?.message}, got ${shown(key, given.value)}`);
  return [];
}

const MAX_SHOWN = 60;

function shown(key: NamedKey, value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" || typeof value === "function") return `a value of type ${typeof value}`;
  const text = String(value);
  if (text.includes("PRIVATE KEY")) return "a private key";
  if (key.secret !== undefined) return text === "" ? "nothing" : maskValue(text, key.secret);
  // It may be the secret of jwt.secret in the wrong place.
  if (key.path === "jwt.publicKey") return "another text";
  const safe = text.includes("://") ? maskValue(text, "password") : text;
  const short = safe.length > MAX_SHOWN ? `${safe.slice(0, MAX_SHOWN)}…` : safe;
  return typeof value === "string" ? JSON.stringify(short) : short;
}

function problemsError(problems: readonly string[]): TidingsError {
  const count = problems.length === 1 ? "1 setting is" : `${problems.length} settings are`;
  return new TidingsError(
    "bad_request",
    `${count} not valid:\n${problems.map((line) => `- ${line}`).join("\n")}`,
  );
}
