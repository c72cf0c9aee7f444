import { type ConfigSources, resolveConfig } from "../config/config.ts";
import type { TokenAuthenticator } from "../gateway/gateway.ts";
import { TidingsError } from "../protocol/protocol.ts";

/**
 * Makes what signs tokens as a server of this configuration does, without a hub.
 * @throws TidingsError `bad_request` without a secret
 */
export async function tokenAuthenticator(sources: ConfigSources): Promise<TokenAuthenticator> {
  const { jwt: options, security } = resolveConfig(sources);
  if (options.secret === undefined) {
    throw new TidingsError("bad_request", "no secret to sign with: set JWT_SECRET to the server's secret");
  }
  const { jwt } = await import("../gateway/gateway.ts"); // here, so that the other commands start fast
  return jwt({ ...options, ...security });
}
