import { splitHosts } from "./hosts.ts";
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

/** Masks a secret, an API key behind its scope, or the password in a URL with one or several hosts. */
export function maskValue(value: string, secret: Secrecy): string {
  if (secret === "scoped") return isApiKey(value) ? `${splitApiKey(value).scope}:${MASK}` : MASK;
  const { url: text, others } = splitHosts(value);
  if (secret === "value" || !URL.canParse(text)) return MASK;
  const url = new URL(text);
  if (url.host === "") return MASK; // "user:password@host" parses as a URL of the protocol "user:"
  if (url.password === "") return value;
  const { protocol, username, host, pathname, search, hash } = url;
  return `${protocol}//${username}:${MASK}@${host}${others}${pathname}${search}${hash}`;
}
