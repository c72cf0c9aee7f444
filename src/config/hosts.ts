/** A URL as `URL` reads it, and the hosts that were taken out of it because it reads only one. */
export interface HostList {
  readonly url: string;
  /** `,b:7001,c:7002`: what stood behind the first host. */
  readonly others: string;
}

/** Up to the first host (what is before the last `@` is user and password, commas included), more hosts, the rest. */
const LIST = /^([a-z][a-z\d+.-]*:\/\/(?:[^/?#]*@)?[^,/?#@]*)((?:,[^,/?#@]*)*)(.*)$/is;

/** Splits `redis-cluster://a:7000,b:7001/0` into what `URL` can read and the further hosts. */
export function splitHosts(text: string): HostList {
  const [, start = text, others = "", rest = ""] = LIST.exec(text) ?? [];
  return { url: start + rest, others };
}
