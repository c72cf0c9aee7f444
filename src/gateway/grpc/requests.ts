import {
  constants,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Stream,
} from "node:http2";
import { createContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { GrpcCounts } from "../metrics/metrics.ts";
import { PEER } from "./operations.ts";

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR } = constants;

export interface RequestTimes {
  /** Time in which the request of a call must have arrived, in milliseconds. */
  readonly requestMs: number;
  /** Time in which a caller must read what waits for it, in milliseconds. */
  readonly unreadMs: number;
}

/** Field of an answer, or of its trailers, with the status of the call. */
const STATUS = "grpc-status";

const UNIMPLEMENTED = "12";

/**
 * Answers requests by the handlers of methods. Whatever a client sends ends at most its own stream: the adapter of the library
 * throws for an authority that is none, and writes errors to the console.
 */
export class Requests {
  readonly #handlers: ReadonlyMap<string, UniversalHandler>;
  readonly #counts: GrpcCounts;
  readonly #times: RequestTimes;

  constructor(handlers: readonly UniversalHandler[], counts: GrpcCounts, times: RequestTimes) {
    this.#handlers = new Map(handlers.map((handler) => [handler.requestPath, handler]));
    this.#counts = counts;
    this.#times = times;
  }

  readonly listener = (request: Http2ServerRequest, response: Http2ServerResponse): void => {
    const { stream } = response;
    const startedAt = performance.now();
    const handler = this.#handlers.get(request.url.split("?", 1)[0] ?? "");
    const overdue = setTimeout(() => stream.close(NGHTTP2_CANCEL), this.#times.requestMs);
    request.once("end", () => clearTimeout(overdue));
    let status: string | null | undefined;
    stream.once("close", () => {
      clearTimeout(overdue);
      this.#counts.ended(stream.rstCode === NGHTTP2_NO_ERROR ? status : undefined);
      if (handler?.method.methodKind === "unary")
        this.#counts.took(handler.method.name, (performance.now() - startedAt) / 1_000);
    });
    const told = (of: () => string | null | undefined): void => {
      stream.prependOnceListener("close", () => {
        status = of();
      });
    };
    this.#answer(handler, request, response, told).catch(() => stream.close(NGHTTP2_CANCEL));
  };

  async #answer(
    handler: UniversalHandler | undefined,
    request: Http2ServerRequest,
    response: Http2ServerResponse,
    told: (of: () => string | null | undefined) => void,
  ): Promise<void> {
    if (handler === undefined) {
      told(() => UNIMPLEMENTED);
      const message = encodeURIComponent("there is no such method: the server tells all by reflection");
      const headers = { [STATUS]: UNIMPLEMENTED, "grpc-message": message };
      response.writeHead(200, { "content-type": "application/grpc", ...headers }).end();
      return;
    }
    const values = createContextValues().set(PEER, response.stream.session?.socket.remoteAddress);
    const answer = await handler(universalRequestFromNodeRequest(request, response, undefined, values));
    // The trailers are complete when the stream has ended.
    told(() => answer.trailer?.get(STATUS));
    const body = answer.body && this.#watched(answer.body, response.stream);
    await universalResponseToNodeResponse({ ...answer, body }, response);
  }

  /** Ends a stream whose client does not read. */
  async *#watched(body: AsyncIterable<Uint8Array>, stream: ServerHttp2Stream): AsyncIterable<Uint8Array> {
    let timer: NodeJS.Timeout | undefined;
    stream.once("close", () => clearTimeout(timer));
    for await (const chunk of body) {
      timer = setTimeout(() => stream.close(NGHTTP2_ENHANCE_YOUR_CALM), this.#times.unreadMs);
      yield chunk; // it comes back when the stream has room again
      clearTimeout(timer);
    }
    // An answer that fits into the buffer of the stream may lie there unread: its reader is ended too.
    if (!stream.closed) {
      timer = setTimeout(() => stream.close(NGHTTP2_ENHANCE_YOUR_CALM), this.#times.unreadMs);
    }
  }
}
