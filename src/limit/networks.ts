import { TidingsError } from "../protocol/protocol.ts";
import { type Groups, IPV4_OFFSET, masked, parseAddress } from "./address.ts";

/** A network: its first address, and the number of bits that its addresses share. */
interface Network {
  readonly first: Groups;
  readonly bits: number;
}

export const NETWORK_FORM = "an address or a network in CIDR notation, such as 10.0.0.0/8 or 2001:db8::/32";

/**
 * A set of networks in CIDR notation (RFC 4632, RFC 4291), for IPv4 and IPv6. `::ffff:10.0.0.1` and `10.0.0.1` are one address, in the
 * networks and in what is looked up.
 */
export class Networks {
  readonly #networks: readonly Network[];

  /**
   * @param networks addresses (`192.0.2.7`) and networks (`10.0.0.0/8`)
   * @throws TidingsError `bad_request` for anything else
   */
  constructor(networks: readonly string[]) {
    this.#networks = networks.map((text) => {
      const network = parseNetwork(text);
      if (network === undefined) {
        throw new TidingsError("bad_request", `expected ${NETWORK_FORM}, got ${JSON.stringify(text)}`);
      }
      return network;
    });
  }

  /** True when an address is in one of the networks; false for text that is no address. */
  has(address: string): boolean {
    if (this.#networks.length === 0) return false;
    const groups = parseAddress(address);
    return groups !== undefined && this.hasGroups(groups);
  }

  hasGroups(groups: Groups): boolean {
    for (const { first, bits } of this.#networks) if (shares(groups, first, bits)) return true;
    return false;
  }
}

/** Reads an address or a network. @returns undefined for anything else */
export function parseNetwork(text: string): Network | undefined {
  const [, address = "", digits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const groups = parseAddress(address);
  if (groups === undefined) return undefined;
  const offset = address.includes(":") ? 0 : IPV4_OFFSET;
  const bits = digits === undefined ? 128 : offset + Number(digits);
  return bits > 128 ? undefined : { first: masked(groups, bits), bits };
}

/** True for an address or a network, but not for one that holds every IPv4 or every IPv6 address. */
export const isSubnet = (text: string): boolean => {
  const network = parseNetwork(text);
  return network !== undefined && network.bits > 0 && (network.bits > IPV4_OFFSET || !isMapped(network));
};

/** A network of IPv6 with 96 bits at most that holds all addresses of IPv4, as `::ffff:0:0/96` and `::/80` do. */
const isMapped = ({ first, bits }: Network): boolean =>
  shares(masked([0, 0, 0, 0, 0, 0xffff, 0, 0], bits), first, bits);

/** Compares the first `bits` of two addresses. A loop, because it runs for each request. */
function shares(groups: Groups, first: Groups, bits: number): boolean {
  let left = bits;
  for (let index = 0; left > 0; index++, left -= 16) {
    const difference = (groups[index] ?? 0) ^ (first[index] ?? 0);
    if (left >= 16 ? difference !== 0 : difference >> (16 - left) !== 0) return false;
  }
  return true;
}
