import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { TidingsError } from "../protocol/protocol.ts";
import type { Target } from "./plan.ts";

/** A target, and whether it is on this machine. */
export interface ParsedTarget {
  readonly target: Target;
  readonly isLoopback: boolean;
}

/** Whether an IP address is one of this machine's own network, which nobody else can reach. */
export function isLoopback(address: string): boolean {
  if (isIP(address) === 4) return address.startsWith("127.");
  return address === "::1" || /^::ffff:127\./i.test(address);
}

/**
 * Reads the URL of a target and looks up its address. All clients connect to the address that was checked, so that a name cannot
 * lead elsewhere later.
 * @param path path of the WebSocket on a Tidings server; undefined for another server, whose URL has the path
 * @throws TidingsError `bad_request` for another form of URL, and for a name without address
 */
export async function parseTarget(text: string, path: string | undefined): Promise<ParsedTarget> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSecure = url?.protocol === "https:" || url?.protocol === "wss:";
  const isKnown = isSecure || url?.protocol === "http:" || url?.protocol === "ws:";
  if (url === undefined || !isKnown || url.username !== "" || url.password !== "") {
    throw new TidingsError(
      "bad_request",
      `expected a URL such as http://127.0.0.1:8080 or ws://127.0.0.1:8080, without user and password, got "${shownUrl(text).slice(0, 200)}"`,
    );
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const addresses = await addressesOf(host);
  const address = addresses.find((each) => isIP(each) === 4) ?? addresses[0] ?? host;
  const port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port);
  const base = url.pathname.replace(/\/+$/, "");
  const http = `${isSecure ? "https" : "http"}://${url.host}${base}`;
  return {
    target: {
      url: `${url.protocol}//${url.host}${url.pathname.replace(/\/$/, "")}`,
      endpoint: { host: address, port, tls: isSecure, authority: url.host },
      path: path === undefined ? `${url.pathname}${url.search}` : `${base}${path}`,
      http: path === undefined ? undefined : http,
    },
    isLoopback: addresses.length > 0 && addresses.every(isLoopback),
  };
}

async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host) > 0) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new TidingsError("bad_request", `${host} has no address`, { cause });
  }
}

/** A URL as a report shows it: without user, password and query, which may be secret. */
export const shownUrl = (url: string): string => url.replace(/\/\/[^/?#]*@/, "//…@").replace(/[?#].*/s, "");

/**
 * Connections that one source address makes to one target. A system hands out some 28,000 ports, Linux the even ones first: from
 * 14,000 connections on it searches thousands of ports for each, which takes longer than all of the server's part.
 */
const PER_SOURCE = 5_000;

/**
 * Addresses of this machine to connect from.
 * @param asked how many loopback addresses, or a list of addresses; undefined: as many as the connections need
 */
export function sourceAddresses(
  targets: readonly ParsedTarget[],
  connections: number,
  asked: string | undefined,
): string[] {
  if (asked !== undefined && !/^\d+$/.test(asked)) {
    const list = asked.split(",").map((each) => each.trim());
    const wrong = list.find((each) => isIP(each) === 0);
    if (wrong === undefined) return list;
    throw new TidingsError("bad_request", `--sources: expected a number or IP addresses, got "${wrong}"`);
  }
  // Only the network 127.0.0.0/8 belongs to the machine without being set up.
  const isPossible = targets.every(
    ({ target }) => isLoopback(target.endpoint.host) && isIP(target.endpoint.host) === 4,
  );
  const needed = Math.ceil(connections / targets.length / PER_SOURCE);
  const count = asked === undefined ? needed : Number(asked);
  if (!isPossible || count < 1 || (asked === undefined && needed === 1)) return [];
  return Array.from(
    { length: Math.min(count, 60_000) },
    (_, index) => `127.0.${Math.floor((index + 1) / 250)}.${((index + 1) % 250) + 1}`,
  );
}
