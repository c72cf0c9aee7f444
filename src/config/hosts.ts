import { Networks } from "../limit/limit.ts";

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

const LOOPBACK = new Networks(["127.0.0.0/8", "::1"]);

/** Tells whether an address or host name is this machine's loopback. @param host an IPv6 address may have brackets, as in URLs */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || LOOPBACK.has(host.replace(/^\[|\]$/g, ""));
