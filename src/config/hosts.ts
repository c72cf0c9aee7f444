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

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Tells whether an address or host name is this machine's loopback. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "").replace(/^::ffff:/, "");
  const family = isIP(bare);
  return family === 0 ? bare === "localhost" : loopback.check(bare, family === 4 ? "ipv4" : "ipv6");
}
