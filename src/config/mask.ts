import type { Secrecy } from "./key.ts";
import { getPath, setPath } from "./path.ts";
import type { Config } from "./shape.ts";
import { CONFIG_KEYS } from "./table.ts";
import { isApiKey, splitApiKey } from "./values.ts";

const MASK = "***";

/** Copies the configuration for output: `***` replaces secrets and passwords in URLs. */
export function maskConfig(config: Config): Config {
  const copy: Config = structuredClone(config);
  for (const { path, secret } of CONFIG_KEYS) {
    const value = getPath(copy, path);
    if (secret === undefined) continue;
    if (typeof value === "string") setPath(copy, path, maskValue(value, secret));
    if (Array.isArray(value)) {
      const masked = value.map((each) => maskValue(String(each), secret));
      setPath(copy, path, masked);
    }
  }
  return copy;
}

/** Groups: scheme, credentials up to the last `@` (a raw password may hold any character), and the rest. */
const PARTS = /^([a-z][a-z\d+.-]*:\/\/)(?:(.*)@)?(.*)$/is;

/**
 * Masks a secret, an API key behind its scope, or what may be secret in a URL with one or several hosts: the password and
 * the query.
 */
export function maskValue(value: string, secret: Secrecy): string {
  if (secret === "target" && /^(stdout$|sqlite:)/.test(value)) return value;
  if (secret === "scoped") return isApiKey(value) ? `${splitApiKey(value).scope}:${MASK}` : MASK;
  const [, scheme, credentials, rest = ""] = PARTS.exec(value) ?? [];
  if (secret === "value" || scheme === undefined) return MASK;
  const shown = rest.replace(/\?[^#]*/s, `?${MASK}`);
  if (credentials === undefined) return scheme + shown;
  // Without a colon it may be a token in place of the user.
  const user = credentials.includes(":") ? `${credentials.slice(0, credentials.indexOf(":"))}:` : "";
  return `${scheme}${user}${MASK}@${shown}`;
}
