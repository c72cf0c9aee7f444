import type { IncomingMessage } from "node:http";
import { clientAddress, Networks } from "../limit/limit.ts";
import { REQUEST_ID, requestId } from "./request-ids.ts";

/** Header X-Forwarded-For, as Node and as Fetch give it. */
type ForwardedFor = string | readonly string[] | undefined;

/** Names the address of each caller, also of those that come through proxies (`trustProxy`). */
export class Callers {
  readonly #trusted: Networks;
  readonly #requestIds = new WeakMap<IncomingMessage, string>();
  #onStranger: ((peer: string) => void) | undefined;

  /**
   * @param trustProxy networks of the proxies whose X-Forwarded-For is believed
   * @param onStranger called once, with the first peer that sends the header and is no trusted proxy
   */
  constructor(trustProxy: readonly string[], onStranger?: (peer: string) => void) {
    this.#trusted = new Networks(trustProxy);
    this.#onStranger = onStranger;
  }

  /**
   * Finds the address of a caller, as `clientAddress` of `tidings/limit` does.
   * @param peer address of the socket; undefined where it is not known
   */
  addressOf(peer: string | undefined, forwardedFor: ForwardedFor): string | undefined {
    if (peer !== undefined && forwardedFor !== undefined && !this.#trusted.has(peer)) {
      this.#onStranger?.(peer);
      this.#onStranger = undefined;
    }
    return clientAddress(peer, forwardedFor, this.#trusted);
  }

  /** Finds the address of a request's caller. */
  callerOf({ socket, headers }: IncomingMessage): string | undefined {
    return this.addressOf(socket.remoteAddress, headers["x-forwarded-for"]);
  }

  /** The id of a request. @param given header X-Request-Id, which counts when a trusted proxy sent it */
  requestIdFrom(peer: string | undefined, given: unknown): string {
    return requestId(given, peer !== undefined && this.#trusted.has(peer));
  }

  /** The id of a request; every call returns the same one. */
  requestIdOf(request: IncomingMessage): string {
    const known = this.#requestIds.get(request);
    if (known !== undefined) return known;
    const id = this.requestIdFrom(request.socket.remoteAddress, request.headers[REQUEST_ID]);
    this.#requestIds.set(request, id);
    return id;
  }

  /** True for a trusted proxy. */
  isProxy(peer: string): boolean {
    return this.#trusted.has(peer);
  }

  /** Addresses in X-Forwarded-For as they are written, when a trusted proxy sent it. */
  wayOf(peer: string | undefined, forwardedFor: ForwardedFor): readonly string[] | undefined {
    if (peer === undefined || forwardedFor === undefined || !this.#trusted.has(peer)) return undefined;
    return String(forwardedFor)
      .split(",")
      .map((hop) => hop.trim());
  }
}
