import { addressText, type Groups, isIPv4, masked, parseAddress } from "./address.ts";
import type { Networks } from "./networks.ts";

/** An entry of X-Forwarded-For with a port, as some proxies write it: `192.0.2.7:4711`, `[2001:db8::7]:4711`. */
const WITH_PORT = /^(?:(\d{1,3}(?:\.\d{1,3}){3})|\[([^\]]+)\])(?::\d{1,5})?$/;

/**
 * Finds the address of a client behind proxies: the last one that is no trusted proxy. It starts at the peer of the socket and walks
 * through `X-Forwarded-For` from the right, because each proxy appends the address that it has seen: what stands left of the first
 * untrusted one was written by the client, and is not believed. A malformed entry ends the walk at the proxy that passed it on.
 *
 * @param peer address of the socket's other end; undefined (a Unix socket, a closed socket) gives undefined
 * @param forwardedFor value of the header, or values, if there are several
 * @param trusted networks of the proxies in front of this server
 * @returns the address in one form per address: an IPv4 address in the form of IPv6 becomes IPv4. A peer that is no address stays as it is
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | readonly string[] | undefined,
  trusted: Networks,
): string | undefined {
  if (peer === undefined) return undefined;
  const groups = clientGroups(peer, forwardedFor, trusted);
  return groups === undefined ? peer : addressText(groups);
}

/** The address of {@link clientAddress}. @returns undefined for a peer that is no address */
export function clientGroups(
  peer: string,
  forwardedFor: string | readonly string[] | undefined,
  trusted: Networks,
): Groups | undefined {
  const groups = parseAddress(peer);
  if (groups === undefined || forwardedFor === undefined || !trusted.hasGroups(groups)) return groups;
  const list = typeof forwardedFor === "string" ? forwardedFor : forwardedFor.join(",");
  return lastUntrusted(groups, list, trusted);
}

function lastUntrusted(peer: Groups, list: string, trusted: Networks): Groups {
  let address = peer;
  for (let end = list.length; end >= 0; ) {
    const comma = end === 0 ? -1 : list.lastIndexOf(",", end - 1);
    const entry = parseEntry(list.slice(comma + 1, end).trim());
    if (entry === undefined) return address;
    address = entry;
    if (!trusted.hasGroups(entry)) return address;
    end = comma;
  }
  return address;
}

function parseEntry(text: string): Groups | undefined {
  const [, ipv4, ipv6] = WITH_PORT.exec(text) ?? [];
  return parseAddress(ipv4 ?? ipv6 ?? text);
}

/**
 * The part of an address that one client has: the whole IPv4 address, and the first bits of an IPv6 address. A provider gives each
 * customer a network, and its host may use any of the addresses in it.
 * @param ipv6Prefix bits of an IPv6 address that count
 * @returns `192.0.2.7`, `2001:db8:0:7::/64`; text that is no address as it is
 */
export function clientNetwork(address: string, ipv6Prefix: number): string {
  const groups = parseAddress(address);
  return groups === undefined ? address : networkText(groups, ipv6Prefix);
}

/** The text of {@link clientNetwork} for an address that has been read. */
export function networkText(groups: Groups, ipv6Prefix: number): string {
  if (isIPv4(groups) || ipv6Prefix >= 128) return addressText(groups);
  const whole = Math.ceil(ipv6Prefix / 16);
  const text = masked(groups, ipv6Prefix)
    .slice(0, whole)
    .map((group) => group.toString(16))
    .join(":");
  return `${text}${whole === 8 ? "" : "::"}/${ipv6Prefix}`;
}
