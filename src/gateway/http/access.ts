import type { Scope } from "../../config/config.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import { type ApiKeys, allows, keyIn, Neighbours } from "../auth/auth.ts";
import type { ApiPorts } from "./ports.ts";

/** Access to a route: `open` without a key, `any` with a key of any scope, or with a key of this scope. */
export type Access = "open" | "any" | Scope;

type AccessPorts = Pick<ApiPorts, "apiKeys" | "development" | "neighbours">;

export const ONLY_THIS_MACHINE = new Neighbours([]);

/**
 * Checks that a request has an API key whose scope allows the route. In development mode without keys, checks that the
 * request can only come from this machine and from one of its own pages.
 * @param address of the caller; undefined when it is not known
 * @throws TidingsError `unauthorized` or `forbidden`, saying what is missing
 */
export function assertAccess(
  { headers, url }: Pick<Request, "headers" | "url">,
  address: string | undefined,
  access: Access,
  { apiKeys, development, neighbours = ONLY_THIS_MACHINE }: AccessPorts,
): void {
  if (access === "open") return;
  if (apiKeys !== undefined) assertScope(scopeOf(headers, apiKeys), access);
  else if (development) {
    assertNear(address, neighbours);
    assertLocal(headers, url, neighbours);
  } else
    throw new TidingsError(
      "unauthorized",
      "the HTTP API needs a key: set apiKey (API_KEY) or apiKeys (API_KEYS)",
    );
}

/** Tells whether a request may have what {@link assertAccess} guards. */
export function hasAccess(...asked: Parameters<typeof assertAccess>): boolean {
  try {
    assertAccess(...asked);
    return true;
  } catch {
    return false;
  }
}

/** Without an address nothing shows where the client is: any client can send the Host of this machine. */
function assertNear(address: string | undefined, neighbours: Neighbours): void {
  if (neighbours.has(address)) return;
  throw new TidingsError(
    "forbidden",
    address === undefined
      ? "development mode answers this machine only, and needs the address of the peer: write " +
          "hub.fetch(request, address), on Node with env.incoming.socket.remoteAddress, or set apiKey (API_KEY)"
      : "development mode answers this machine only, and development.networks: set apiKey (API_KEY) to open the HTTP API",
  );
}

function scopeOf(headers: Headers, apiKeys: ApiKeys): Scope {
  const given = keyIn(headers);
  const scope = given === undefined ? undefined : apiKeys.scopeOf(given);
  if (scope !== undefined) return scope;
  const message =
    given === undefined
      ? "send the API key in the header X-API-Key or Authorization: Bearer"
      : "the API key is not valid";
  throw new TidingsError("unauthorized", message);
}

function assertScope(scope: Scope, access: Exclude<Access, "open">): void {
  if (access === "any" || allows(scope, access)) return;
  const message = `expected an API key of the scope ${access}: this key has the scope ${scope}`;
  throw new TidingsError("forbidden", message);
}

function assertLocal(headers: Headers, url: string, neighbours: Neighbours): void {
  // Frameworks that make requests in code may omit the header; browsers never do.
  const host = headers.get("host") ?? new URL(url).host;
  if (neighbours.accepts({ host, origin: headers.get("origin") ?? undefined })) return;
  throw new TidingsError(
    "forbidden",
    "development mode answers this machine under the name localhost only: set apiKey (API_KEY) to open the HTTP API",
  );
}
