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

/**
 * Masks a secret, an API key behind its scope, or what may be a secret in a URL with one or several hosts: the password, a
 * user without a password, and the query. A text in which a password was not encoded is masked as a whole, because it
 * cannot be told where it ends.
 */
export function maskValue(value: string, secret: Secrecy): string {
  const { url: text, others } = splitHosts(value);
  if (secret === "value" || !URL.canParse(text)) return MASK;
  const url = new URL(text);
  if (url.host === "") return MASK; // "user:password@host" parses as a URL of the protocol "user:"
  const { protocol, username, password, host, pathname, search, hash } = url;
  if ((pathname + search + hash).includes("@")) return MASK;
  if (username === "" && password === "" && search === "") return value;
  const user = password === "" ? username && `${MASK}@` : `${username}:${MASK}@`;
  return `${protocol}//${user}${host}${others}${pathname}${search && `?${MASK}`}${hash}`;
}
