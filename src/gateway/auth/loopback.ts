import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { isLoopback } from "../../config/config.ts";
import { Networks } from "../../limit/limit.ts";
import { TidingsError } from "../../protocol/protocol.ts";

/** Clients that development mode serves: this machine, and the networks that the setting names. */
export class Neighbours {
  readonly #networks: Networks;
  /** False when only this machine is served. */
  readonly #hasNetworks: boolean;
  /** The last question of {@link accepts} and its answer: clients ask the same, and URLs take long to read. */
  #last: { host: string | undefined; origin: string | undefined; isAccepted: boolean } = {
    host: undefined,
    origin: undefined,
    isAccepted: false,
  };

  /** @param networks `development.networks` */
  constructor(networks: readonly string[]) {
    this.#networks = new Networks(networks);
    this.#hasNetworks = networks.length > 0;
  }

  /** @param address of a client's socket; undefined once it has closed */
  has(address: string | undefined): boolean {
    return address !== undefined && (isLoopback(address) || this.#networks.has(address));
  }

  /**
   * Tells whether a request can come from a page of this machine or network only: its Host must be a name that no
   * stranger can own, which DNS rebinding cannot forge, and its Origin, if present, must be loopback or the same host.
   */
  accepts({ host, origin }: IncomingHttpHeaders): boolean {
    if (host !== this.#last.host || origin !== this.#last.origin) {
      this.#last = { host, origin, isAccepted: this.#isAccepted(host, origin) };
    }
    return this.#last.isAccepted;
  }

  #isAccepted(host: string | undefined, origin: string | undefined): boolean {
    const name = host === undefined ? undefined : hostnameOf(`http://${host}`);
    if (name === undefined || !(isLoopback(name) || (this.#hasNetworks && isPrivateName(name)))) return false;
    if (origin === undefined) return true;
    const from = hostnameOf(origin);
    return from !== undefined && (isLoopback(from) || (this.#hasNetworks && from === name));
  }
}

/** Endings of names that only local resolvers know. */
const PRIVATE_NAME = /\.(?:local|localhost|internal|lan|home\.arpa|test)$/;

/** Tells whether a name is an address, a single label (of a container, say), or has a private ending. */
const isPrivateName = (name: string): boolean =>
  isIP(name.replace(/^\[|\]$/g, "")) !== 0 || !name.includes(".") || PRIVATE_NAME.test(name);

/** Header fields that proxies add: RFC 7239, RFC 9110 section 7.6.3, the older X- fields, and those of providers. */
const PROXY_HEADERS: ReadonlySet<string> = new Set(
  (
    "forwarded via x-real-ip x-client-ip x-cluster-client-ip x-original-forwarded-for x-envoy-external-address " +
    "true-client-ip fastly-client-ip cf-connecting-ip"
  ).split(" "),
);

/** `X-Forwarded`, `X-Forwarded-*`, and the user that Tailscale vouches for. */
const PROXY_HEADER = /^(?:x-forwarded(?:$|-)|tailscale-user-)/;

/**
 * Refuses a request that came through a proxy. Its address is the proxy's, possibly loopback, and its Host may be the
 * name that the proxy uses for this server. So neither shows where the client is.
 * @param names of the request's header fields
 * @param way by which a trusted proxy was reached, by X-Forwarded-For; undefined without one
 * @param neighbours every address on the way must be one of them, also those that the client may have invented
 * @throws TidingsError `forbidden`
 */
export function assertNoProxy(
  names: Iterable<string>,
  way: readonly string[] | undefined,
  neighbours: Neighbours,
): void {
  if (way !== undefined && way.length > 0 && way.every((address) => neighbours.has(address))) return;
  for (const name of names) {
    const lower = name.toLowerCase();
    if (!PROXY_HEADERS.has(lower) && !PROXY_HEADER.test(lower)) continue;
    throw new TidingsError(
      "forbidden",
      `development mode refuses requests that came through a proxy (header ${name}): set jwt.secret (JWT_SECRET) to serve others`,
    );
  }
}

const hostnameOf = (url: string): string | undefined => URL.parse(url)?.hostname;
