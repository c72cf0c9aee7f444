import { type ConfigSources, resolveConfig } from "../../src/config/config.ts";
import { TidingsError } from "../../src/protocol/protocol.ts";

/** The message of the error about sources that must be refused. */
export function problemsOf(sources: ConfigSources): string {
  try {
    resolveConfig(sources);
  } catch (error) {
    if (error instanceof TidingsError && error.code === "bad_request") return error.message;
    throw error;
  }
  throw new Error("expected the configuration to be refused");
}

export const PUBLIC_KEY = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----`;
