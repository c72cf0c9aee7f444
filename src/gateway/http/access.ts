import type { Scope } from "../../config/config.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import { apiKeyMatches, isLocalRequest, isLoopback } from "../auth/auth.ts";
import type { ApiPorts } from "./ports.ts";

/** Access to a route: `open` without a key, `any` with a key of any scope, or with a key of this scope. */
export type Access = "open" | "any" | Scope;

/**
 * Checks that a request has the API key. In development mode without a key, checks that the request can only come from
 * this machine and from one of its own pages.
 * @param address of the peer; undefined when the caller did not say
 * @throws TidingsError `unauthorized` or `forbidden`, saying what is missing
 */
export function assertAccess(
  { headers, url }: Request,
  address: string | undefined,
  { apiKey, development }: ApiPorts,
): void {
  if (apiKey !== undefined) assertKey(headers, apiKey);
  else if (development) {
    assertFromHere(address);
    assertLocal(headers, url);
  } else throw new TidingsError("unauthorized", "the HTTP API needs a key: set API_KEY");
}

function scopeOf(headers: Headers, apiKeys: ApiKeys): Scope {
  const bearer = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const given = headers.get("x-api-key") ?? bearer;
  const scope = given === undefined ? undefined : apiKeys.scopeOf(given);
  if (scope !== undefined) return scope;
  const message =
    given === undefined
      ? "send the API key in the header X-API-Key or Authorization: Bearer"
      : "the API key is not valid";
  throw new TidingsError("unauthorized", message);
}

/** Tells whether a request may have what {@link assertAccess} guards. */
export function hasAccess(request: Request, address: string | undefined, ports: ApiPorts): boolean {
  try {
    assertAccess(request, address, ports);
    return true;
  } catch {
    return false;
  }
}

/** Without an address nothing shows where the client is: any client can send the Host of this machine. */
function assertFromHere(address: string | undefined): void {
  if (address !== undefined && isLoopback(address)) return;
  throw new TidingsError(
    "forbidden",
    address === undefined
      ? "development mode answers this machine only, and needs the address of the peer: write " +
          "hub.fetch(request, address), on Node with env.incoming.socket.remoteAddress, or set API_KEY"
      : "development mode answers this machine only: set API_KEY to open the HTTP API",
  );
}

function assertLocal(headers: Headers, url: string): void {
  // Frameworks that make requests in code may omit the header; browsers never do.
  const host = headers.get("host") ?? new URL(url).host;
  if (neighbours.accepts({ host, origin: headers.get("origin") ?? undefined })) return;
  throw new TidingsError(
    "forbidden",
    "development mode answers this machine under the name localhost only: set API_KEY to open the HTTP API",
  );
}
