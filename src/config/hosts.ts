import { BlockList, isIP } from "node:net";

/** A URL with its first host, which `URL` can parse, and the further hosts, which it cannot. */
export interface HostList {
  readonly url: string;
  /** The further hosts: `,b:7001,c:7002`. */
  readonly others: string;
}

/** Groups: up to the first host, further hosts, rest. User and password end at the last `@` and may contain commas. */
const LIST = /^([a-z][a-z\d+.-]*:\/\/(?:[^/?#]*@)?[^,/?#@]*)((?:,[^,/?#@]*)*)(.*)$/is;

/** Splits `redis-cluster://a:7000,b:7001/0` into a URL with one host and the further hosts. */
export function splitHosts(text: string): HostList {
  const [, start = text, others = "", rest = ""] = LIST.exec(text) ?? [];
  return { url: start + rest, others };
}

/** Addresses of some networks. */
export class Networks {
  readonly #list = new BlockList();

  /** @param networks addresses, or networks such as `172.17.0.0/16`, as {@link isNetwork} accepts them */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = "", bits] = network.split("/");
      const family = familyOf(address);
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  /** @param address also an IPv4 address in the form of IPv6, and an IPv6 address in brackets */
  has(address: string): boolean {
    const bare = address.replace(/^\[|\]$/g, "").replace(/^::ffff:(?=\d+\.)/i, "");
    return isIP(bare) !== 0 && this.#list.check(bare, familyOf(bare));
  }
}

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 4 ? "ipv4" : "ipv6");

/** Checks for an address or a network, but not for one that holds every address. */
export function isNetwork(text: string): boolean {
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const longest = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  if (longest === 0 || bits === undefined) return longest > 0;
  return Number(bits) >= 1 && Number(bits) <= longest;
}

const loopback = new Networks(["127.0.0.0/8", "::1"]);

/** Tells whether an address or host name is this machine's loopback. */
export const isLoopback = (host: string): boolean => host === "localhost" || loopback.has(host);
