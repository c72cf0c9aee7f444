/** The configuration: one table of keys (table.ts), and its type, sources, checks and documentation. */
import { resolveConfig } from "./resolve.ts";
import type { Config } from "./shape.ts";

export { configTables, defaultText, describeConfig, headingOf, valueText } from "./describe.ts";
export { isLoopback } from "./hosts.ts";
export type { NamedKey, Secrecy, Unit } from "./key.ts";
export { maskConfig, maskValue } from "./mask.ts";
export { nodeId } from "./node-id.ts";
export { getPath } from "./path.ts";
export {
  assertNotProduction,
  defaultAlgorithms,
  hasTokenKey,
  type JwtKeySource,
  jwtProblems,
  lifetimeProblems,
  MIN_SECRET_BYTES,
  weakJwtProblems,
} from "./relations.ts";
export {
  type ConfigSources,
  type ExplainedConfig,
  explainConfig,
  explainServerConfig,
  resolveConfig,
} from "./resolve.ts";
export type { Config, ConfigInput } from "./shape.ts";
export { CONFIG_KEYS, type JwtAlgorithm } from "./table.ts";
export { isApiKey, SCOPES, type Scope, splitApiKey } from "./values.ts";

/** The configuration without any settings. Frozen. */
export const defaultConfig: Config = resolveConfig();
