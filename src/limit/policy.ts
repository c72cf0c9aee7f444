import { hash } from "node:crypto";
import { type Groups, parseAddress } from "./address.ts";
import { clientGroups, networkText } from "./client-address.ts";
import { type CompleteConfig, configError } from "./config.ts";
import { Networks } from "./networks.ts";
import { folded, isAmbiguous, readable, readingsOf, skippable } from "./path.ts";
import { parseRate, type Rate } from "./rate.ts";

/** A request as the limiter sees it. */
export interface RateRequest {
  /** The request target as it was sent; a query is left out. @default "/" */
  readonly path?: string | undefined;
  /** The pattern of the router that has matched: `/users/:id`. Never something that the client chooses. */
  readonly route?: string | undefined;
  /** Address of the client, where it is known. @default `peer`, or behind the proxies of `trustProxy` what they say in `forwardedFor` */
  readonly address?: string | undefined;
  /** Address of the socket's other end. All requests without any address have one count. */
  readonly peer?: string | undefined;
  /** The header X-Forwarded-For, or several. */
  readonly forwardedFor?: string | readonly string[] | undefined;
  /** The user, for `identifier: "user"`. */
  readonly user?: string | undefined;
  /** The value of the header `headerName`, for `identifier: "header"`. */
  readonly header?: string | undefined;
}

/** Routes that have a count together, and their rate. */
export interface RouteRate {
  /** The key in `perRouteRates`, the pattern of the router, or `*` for all others. */
  readonly name: string;
  readonly rate: Rate;
  /** Begin of the keys in the store. */
  readonly scope: string;
  /** The name as a string of structured fields (RFC 9651, 3.3.3). */
  readonly quotedName: string;
  /** Values of the fields that are the same for all requests: RateLimit-Policy, X-RateLimit-Limit. */
  readonly policyField: string;
  readonly limitField: string;
}

/** Name of the routes without a rate of their own. */
const OTHERS = "*";
/** Patterns of routers that have a count of their own with `ip+route`. Further ones share the count of {@link OTHERS}. */
const MAX_PATTERNS = 1_000;
/** Longest part of a key that comes from a client. A longer one is replaced by its digest. */
const MAX_NAME = 128;
/** Headers that carry secrets, which belong in no key. */
const SECRET_HEADER = /auth|cookie|key|token|secret|session|password/i;

/** A configuration, compiled. It never changes: a new configuration is a new policy. */
export class Policy {
  readonly config: CompleteConfig;
  readonly trustedProxies: Networks;
  readonly #whitelist: Networks;
  readonly #exact = new Map<string, RouteRate>();
  /** The longest first. */
  readonly #prefixes: readonly { readonly prefix: string; readonly route: RouteRate }[];
  readonly #others: RouteRate;
  readonly #patterns = new Map<string, RouteRate>();
  readonly #skippedPaths: ReadonlySet<string>;
  readonly #skippedPrefixes: readonly string[];
  readonly #hidesHeader: boolean;

  constructor(config: CompleteConfig) {
    this.config = config;
    this.trustedProxies = new Networks(config.trustProxy);
    this.#whitelist = new Networks(config.whitelistCIDRs);
    this.#others = routeRate(OTHERS, parseRate(config.rate));
    this.#prefixes = this.#compileRoutes();
    const skipped = config.skipPaths.map(readable);
    this.#skippedPaths = new Set(skipped.filter((path) => !path.endsWith("/")));
    this.#skippedPrefixes = skipped.filter((path) => path.endsWith("/"));
    this.#hidesHeader = SECRET_HEADER.test(config.headerName);
  }

  /** Tells whether a path is skipped in each reading: `/static/../api` is not below `/static/`. */
  isSkipped(path: string): boolean {
    if (!this.#isListed(readable(path))) return false;
    const other = skippable(path);
    return other === path || (other !== undefined && this.#isListed(other));
  }

  /** Reads the address of the client. @returns undefined where there is none, or it is no address */
  groupsOf({ address, peer, forwardedFor }: RateRequest): Groups | undefined {
    if (address !== undefined) return parseAddress(address);
    return peer === undefined ? undefined : clientGroups(peer, forwardedFor, this.trustedProxies);
  }

  isWhitelisted(groups: Groups | undefined): boolean {
    return groups !== undefined && this.#whitelist.hasGroups(groups);
  }

  /**
   * The route against which a request counts.
   * @param path without its query
   * @returns undefined for a path with several readings, which {@link routesOf} has to tell
   */
  routeOf(path: string, pattern: string | undefined): RouteRate | undefined {
    if (this.#exact.size === 0) return this.#routeOfOthers(pattern);
    const named = pattern === undefined ? undefined : this.#exact.get(folded(readable(pattern)));
    if (named !== undefined) return named;
    return isAmbiguous(path) ? undefined : this.#find(folded(path), pattern);
  }

  /** The routes against which a request with an ambiguous path counts: one for each of its readings. */
  routesOf(path: string, pattern: string | undefined): readonly RouteRate[] {
    return [...new Set(readingsOf(path).map((reading) => this.#find(reading, pattern)))];
  }

  /**
   * Names the one whose requests are counted: `ip:192.0.2.7`.
   * @param groups as {@link groupsOf} reads it
   */
  identityOf({ address, peer, user, header }: RateRequest, groups: Groups | undefined): string {
    const { identifier, headerName, ipv6Prefix } = this.config;
    if (identifier === "user" && user) return `user:${short(user)}`;
    if (identifier === "header" && header) {
      return `header:${headerName.toLowerCase()}:${this.#hidesHeader ? digest(header) : short(header)}`;
    }
    return `ip:${groups === undefined ? short(address ?? peer ?? "unknown") : networkText(groups, ipv6Prefix)}`;
  }

  #isListed(path: string): boolean {
    return this.#skippedPaths.has(path) || this.#skippedPrefixes.some((prefix) => path.startsWith(prefix));
  }

  #find(reading: string, pattern: string | undefined): RouteRate {
    const route = this.#exact.get(reading);
    if (route !== undefined) return route;
    for (const { prefix, route } of this.#prefixes) if (reading.startsWith(prefix)) return route;
    return this.#routeOfOthers(pattern);
  }

  /** The route of a request without a rate of its own. */
  #routeOfOthers(pattern: string | undefined): RouteRate {
    if (pattern === undefined || this.config.identifier !== "ip+route") return this.#others;
    const known = this.#patterns.get(pattern);
    if (known !== undefined) return known;
    if (this.#patterns.size >= MAX_PATTERNS) return this.#others;
    const route = routeRate(pattern, this.#others.rate);
    this.#patterns.set(pattern, route);
    return route;
  }

  #compileRoutes(): { prefix: string; route: RouteRate }[] {
    const prefixes: { prefix: string; route: RouteRate }[] = [];
    for (const [path, text] of Object.entries(this.config.perRouteRates)) {
      const route = routeRate(path, parseRate(text));
      const spelling = folded(readable(path));
      const other = this.#exact.get(spelling);
      if (other !== undefined) {
        throw configError([`perRouteRates: ${other.name} and ${path} are one route, expected one of them`]);
      }
      // The pattern of a router may be equal to it.
      this.#exact.set(spelling, route);
      if (path.endsWith("/*")) prefixes.push({ prefix: spelling.slice(0, -1), route });
    }
    return prefixes.sort((one, other) => other.prefix.length - one.prefix.length);
  }
}

function routeRate(name: string, rate: Rate): RouteRate {
  const quotedName = quoted(name === OTHERS ? "default" : name);
  // A name with a colon must not end like the name of another one begins. The unit is there, because windows of a key have one length.
  const scope = `${rate.unit}:${name.replaceAll("%", "%25").replaceAll(":", "%3A")}:`;
  const policyField = `${quotedName};q=${rate.limit};w=${rate.windowMs / 1_000}`;
  return { name, rate, scope, quotedName, policyField, limitField: String(rate.limit) };
}

/** Such strings have ASCII characters only. */
const quoted = (name: string): string =>
  `"${name
    .toWellFormed()
    .replace(/[^\x20-\x7e]/gu, encodeURIComponent)
    .replace(/["\\]/g, "\\$&")}"`;

const short = (name: string): string => (name.length > MAX_NAME ? digest(name) : name);

const digest = (text: string): string => `sha256-${hash("sha256", text, "base64url")}`;
