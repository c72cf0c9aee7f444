import type { DescMethodStreaming, DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { onTestFinished } from "vitest";
import { jsonOf } from "../../../src/gateway/grpc/json.ts";
import { readSchema, SERVICE, serviceOf } from "../../../src/gateway/grpc/schema.ts";
import type { HubOptions } from "../../../src/index.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { API_KEY, SECRET } from "../../support/keys.ts";

export const SCHEMA = readSchema();

export const TIDINGS = serviceOf(SCHEMA, SERVICE.tidings);

/** A field of a message: a position, say, has `epoch`, `offset` and `id`. */
export type Fields = Record<string, unknown>;

export interface CallOptions {
  readonly headers?: Record<string, string>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A client of a service, by the names of its methods. */
export class GrpcClient {
  readonly #transport: Transport;
  readonly #service: DescService;
  readonly #headers: Record<string, string>;
  readonly session: Http2SessionManager;

  constructor(url: string, headers: Record<string, string> = {}, service: DescService = TIDINGS) {
    this.session = new Http2SessionManager(url);
    this.#transport = createGrpcTransport({ baseUrl: url, sessionManager: this.session });
    this.#service = service;
    this.#headers = headers;
    onTestFinished(() => this.session.abort());
  }

  /** Calls a method. @returns the reply as the HTTP API would write it, without fields that are zero or empty */
  async call(name: string, request: Fields = {}, options: CallOptions = {}): Promise<Fields> {
    const method = this.#method(name) as DescMethodUnary;
    const { timeoutMs, signal } = options;
    const { message } = await this.#transport.unary(method, signal, timeoutMs, this.#all(options), request);
    return JSON.parse(jsonOf(reflect(method.output, message)));
  }

  /** Calls a method that streams its replies. */
  async *stream(name: string, request: Fields, options: CallOptions = {}): AsyncGenerator<Fields> {
    const method = this.#method(name) as DescMethodStreaming;
    const { timeoutMs, signal } = options;
    const requests = (async function* () {
      yield request;
    })();
    const response = await this.#transport.stream(method, signal, timeoutMs, this.#all(options), requests);
    for await (const message of response.message) yield message as unknown as Fields;
  }

  #all({ headers }: CallOptions): Record<string, string> {
    return { ...this.#headers, ...headers };
  }

  #method(name: string) {
    const method = this.#service.methods.find((each) => each.name === name);
    if (method === undefined) throw new Error(`no method ${name}`);
    return method;
  }
}

export const jwt = { secret: SECRET };

/** A hub with a gRPC server, and a client that may do everything. */
export async function startGrpc(
  options: HubOptions = {},
): Promise<{ running: RunningHub; url: string; client: GrpcClient }> {
  const running = await startHub({ apiKey: API_KEY, jwt, grpc: { port: 0 }, ...options });
  const url = running.at.grpc?.url;
  if (url === undefined) throw new Error("the hub has no gRPC server");
  return { running, url, client: new GrpcClient(url, { "x-api-key": API_KEY }) };
}
