import type { DescMessage, DescMethod, Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Route } from "../http/route.ts";
import type { Errors } from "./errors.ts";
import { jsonOf, messageFrom, queryOf, textOf } from "./json.ts";

/** Answers a request as the hub's own server would. @param peer address of the socket */
export type Respond = (request: Request, peer: string | undefined) => Promise<Response>;

/** Address of the socket of a call. */
export const PEER = createContextKey<string | undefined>(undefined, { description: "address of the peer" });

/** Fields that stand for a whole body, by the name of their message. */
const WHOLE: Readonly<Record<string, string>> = {
  ExplainResponse: "explanation_json",
  ListNodesResponse: "nodes",
  MetricsResponse: "text",
  NodeHistoryResponse: "history_json",
  NodeStatsResponse: "stats_json",
  ProfileResponse: "profile_json",
  PutLimitsRequest: "limits_json",
  TopResponse: "top_json",
};

/** Headers of a call that are about its body or its transport, and mean nothing to a route. */
const OWN_HEADERS = /^(?:content-|grpc-|accept|te$|trailer|host$|connection$)/;

export interface OperationsPorts {
  readonly routes: readonly Route[];
  readonly respond: Respond;
  readonly errors: Errors;
}

/**
 * Operations of the HTTP API as methods of gRPC: a method calls the route that has its name, with a request of the same
 * form as any other client's. So the checks, scopes, limits and errors are those of the HTTP API, and stand in one place.
 */
export class Operations {
  readonly #ports: OperationsPorts;
  readonly #routes: ReadonlyMap<string, Route>;

  constructor(ports: OperationsPorts) {
    this.#ports = ports;
    this.#routes = new Map(ports.routes.map((route) => [route.name, route]));
  }

  /** Finds a route. @throws TypeError without one of this name */
  routeOf(name: string): Route {
    // The form without names in the path takes any name, also those that no path can carry.
    const route = this.#routes.get(`${name}ByField`) ?? this.#routes.get(name);
    if (route === undefined) throw new TypeError(`${name}: there is no such route`);
    return route;
  }

  /** Calls the route. @throws ConnectError */
  async call(
    { input, output }: DescMethod,
    route: Route,
    message: Message,
    context: HandlerContext,
  ): Promise<Message> {
    const { errors } = this.#ports;
    try {
      const response = await this.#request(route, reflect(input, message), context);
      const text = await response.text();
      if (!route.statuses.includes(response.status)) throw errors.ofResponse(response, text);
      return replyFrom(output, text, response).message;
    } catch (thrown) {
      throw errors.from(thrown);
    }
  }

  /** Asks a route without a body. */
  ask(route: Route, context: HandlerContext, query = ""): Promise<Response> {
    return this.#send(route, query, undefined, context);
  }

  /** @throws ConnectError when the route refuses such a request */
  async assertAnswered(route: Route, context: HandlerContext, query?: string): Promise<void> {
    const response = await this.ask(route, context, query);
    if (!response.ok) throw this.#ports.errors.ofResponse(response, await response.text());
  }

  #request(route: Route, message: ReflectMessage, context: HandlerContext): Promise<Response> {
    if (route.source === "query") return this.#send(route, `?${queryOf(message)}`, undefined, context);
    const whole = message.fields.find(({ name }) => name === WHOLE[message.desc.name]);
    if (whole === undefined) return this.#send(route, "", jsonOf(message), context);
    return this.#send(route, "", message.isSet(whole) ? textOf(message, whole) : "{}", context);
  }

  /** Resolves with the answer, or rejects when the caller no longer waits for it. */
  #send(
    { method, path }: Route,
    query: string,
    body: string | undefined,
    { requestHeader, url, signal, values }: HandlerContext,
  ): Promise<Response> {
    const headers = new Headers(requestHeader);
    for (const name of [...headers.keys()]) if (OWN_HEADERS.test(name)) headers.delete(name);
    const target = new URL(path + query, url);
    // A name before the host is no part of a request, and `Request` refuses it.
    target.username = target.password = "";
    const request = new Request(target, { method: method.toUpperCase(), headers, body, signal });
    return orAborted(this.#ports.respond(request, values.get(PEER)), signal);
  }
}

/** Makes the reply of a method from the answer of its route. */
function replyFrom(desc: DescMessage, text: string, { headers }: Response): ReflectMessage {
  const whole = WHOLE[desc.name];
  const isJson = headers.get("content-type")?.startsWith("application/json") === true;
  if (!isJson) return messageFrom(desc, { [whole ?? ""]: text }, "{}");
  if (whole === undefined) return messageFrom(desc, JSON.parse(text), text);
  const name = whole.replace(/_json$/, "");
  const body = `{${JSON.stringify(name)}:${text}}`;
  return messageFrom(desc, JSON.parse(body), body);
}

/** The result of a promise, or a rejection with the reason of the signal. */
function orAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
