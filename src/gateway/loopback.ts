import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP } from "node:net";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Tells whether an address or host name is this machine's own loopback. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "").replace(/^::ffff:/, "");
  const family = isIP(bare);
  return family === 0 ? bare === "localhost" : loopback.check(bare, family === 4 ? "ipv4" : "ipv6");
}

/**
 * Tells whether a request can only come from this machine and from one of its own pages: the name it was sent to
 * is loopback's (DNS rebinding has another), and so is the page it was sent from, if any.
 */
export function isLocalRequest({ host, origin }: IncomingHttpHeaders): boolean {
  return isLocalUrl(`http://${host}`) && (origin === undefined || isLocalUrl(origin));
}

const isLocalUrl = (url: string): boolean => URL.canParse(url) && isLoopback(new URL(url).hostname);
