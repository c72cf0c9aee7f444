import type { Attributes, Context, Span, SpanKind, Tracer } from "@opentelemetry/api";
import { type ConnectionInfo, type Receipt, toTidingsError } from "../protocol/protocol.ts";
import {
  ATTRIBUTE,
  messageAttributes,
  OPERATION,
  type PublishedMessage,
  receiptAttributes,
  type TracedMessage,
  templateOf,
} from "./attributes.ts";
import { decodeContext, encodeContext } from "./trace-context.ts";

type Api = typeof import("@opentelemetry/api");

/** An HTTP request, as its span describes it. */
export interface TracedRequest {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly address: string | undefined;
  readonly headers: Headers;
  /** True for a caller who may choose the trace, and with it whether it is sampled. */
  readonly isTrusted: boolean;
}

/** Answer to an HTTP request. */
export interface TracedAnswer {
  /** Undefined for a request that no route has taken. */
  readonly route: string | undefined;
  readonly status: number;
}

/** Begins and ends the spans of a hub, by the API of OpenTelemetry. The context goes with the call by the context manager of the process. */
export class OpenTelemetry {
  readonly #api: Api;
  readonly #tracer: Tracer;
  readonly #node: string;

  constructor(api: Api, tracer: Tracer, node: string) {
    this.#api = api;
    this.#tracer = tracer;
    this.#node = node;
  }

  /** Ids of the sampled span in which the present code runs, for the log; undefined outside of one. */
  get ids(): { readonly trace_id: string; readonly span_id: string } | undefined {
    const span = this.#api.trace.getActiveSpan();
    if (span === undefined || !span.isRecording()) return undefined;
    const { traceId, spanId } = span.spanContext();
    return { trace_id: traceId, span_id: spanId };
  }

  /**
   * Publishes one content to one or several channels, in one span. When it is sampled, the messages get its context, by which each node
   * continues the trace.
   */
  publish<Published extends Receipt | readonly Receipt[]>(
    messages: readonly PublishedMessage[],
    work: () => Published | Promise<Published>,
  ): Published | Promise<Published> {
    const [first] = messages;
    if (first === undefined) return work();
    const attributes = messageAttributes(OPERATION.publish, first);
    attributes[ATTRIBUTE.node] = this.#node;
    if (messages.length > 1) {
      attributes[ATTRIBUTE.batch] = messages.length;
      // Each message has its own.
      attributes[ATTRIBUTE.destination] = attributes[ATTRIBUTE.messageId] = undefined;
    }
    const span = this.#start(`publish ${templateOf(first.channel)}`, this.#api.SpanKind.PRODUCER, attributes);
    if (!span.isRecording()) {
      span.end();
      return work();
    }
    const spanContext = span.spanContext();
    const isSampled = (spanContext.traceFlags & this.#api.TraceFlags.SAMPLED) !== 0;
    const trace = isSampled ? encodeContext(spanContext) : undefined;
    for (const message of messages) message.trace = trace;
    return this.#run(span, work, (published) => {
      if (!Array.isArray(published)) span.setAttributes(receiptAttributes(published as Receipt)); // Published is a receipt or a list
    });
  }

  /** Appends a message to the history of its channel, in a span of its own when the message is sampled. */
  append<Result>(message: TracedMessage, work: () => Promise<Result>): Promise<Result> {
    const parent = this.#parentOf(message);
    if (parent === undefined) return work();
    const attributes = messageAttributes(OPERATION.append, message);
    const span = this.#start(
      `append ${templateOf(message.channel)}`,
      this.#api.SpanKind.CLIENT,
      attributes,
      parent,
    );
    return this.#run(span, work, () => undefined);
  }

  /**
   * Tells that a message was queued for other nodes, when it is sampled.
   * @param startedAt by the monotonic clock
   */
  relayed(message: TracedMessage, nodes: number, startedAt: number): void {
    const parent = nodes === 0 ? undefined : this.#parentOf(message);
    if (parent === undefined) return;
    const attributes = messageAttributes(OPERATION.relay, message);
    attributes[ATTRIBUTE.nodes] = nodes;
    const options = { kind: this.#api.SpanKind.CLIENT, attributes, startTime: startedAt };
    this.#tracer.startSpan(`relay ${templateOf(message.channel)}`, options, parent).end();
  }

  /**
   * Tells of a delivery to the connections of this node, when the message is sampled.
   * @param startedAt by the monotonic clock
   */
  delivered(
    message: TracedMessage,
    { connections, dropped }: { readonly connections: number; readonly dropped: number },
    startedAt: number,
  ): void {
    const parent = this.#parentOf(message);
    if (parent === undefined) return;
    const attributes = messageAttributes(OPERATION.deliver, message);
    attributes[ATTRIBUTE.node] = this.#node;
    attributes[ATTRIBUTE.connections] = connections;
    attributes[ATTRIBUTE.dropped] = dropped;
    const kind = this.#api.SpanKind.CONSUMER;
    const options = { kind, attributes, startTime: startedAt };
    this.#tracer.startSpan(`deliver ${templateOf(message.channel)}`, options, parent).end();
  }

  /** Answers an HTTP request. */
  http(request: TracedRequest, work: () => Promise<TracedAnswer>): Promise<TracedAnswer> {
    const { trace, SpanKind, SpanStatusCode } = this.#api;
    const parent = this.#callerOf(request);
    // Under the span of a framework or of an instrumentation of `node:http` it is a part of that request.
    const isPart = trace.getSpan(parent)?.isRecording() === true;
    const attributes = {
      [ATTRIBUTE.method]: request.method,
      [ATTRIBUTE.path]: request.path,
      [ATTRIBUTE.client]: request.address,
      [ATTRIBUTE.requestId]: request.id,
      [ATTRIBUTE.node]: this.#node,
    };
    const kind = isPart ? SpanKind.INTERNAL : SpanKind.SERVER;
    const span = this.#start(request.method, kind, attributes, parent);
    return this.#run(
      span,
      work,
      ({ route, status }) => {
        span.setAttribute(ATTRIBUTE.status, status);
        if (route !== undefined)
          span.updateName(`${request.method} ${route}`).setAttribute(ATTRIBUTE.route, route);
        if (status < 500) return;
        span.setAttribute(ATTRIBUTE.error, String(status)).setStatus({ code: SpanStatusCode.ERROR });
      },
      parent,
    );
  }

  /** Handles a request or a message of a client. @param action name of a registered action, or one name for all others */
  request<Result>(
    action: string,
    { id, user }: Pick<ConnectionInfo, "id" | "user">,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const attributes = {
      [ATTRIBUTE.rpcSystem]: "tidings",
      [ATTRIBUTE.rpcMethod]: action,
      [ATTRIBUTE.connection]: id,
      [ATTRIBUTE.user]: user,
      [ATTRIBUTE.node]: this.#node,
    };
    // The socket's own context is that of whatever came first on it.
    const root = this.#api.ROOT_CONTEXT;
    const span = this.#start(action, this.#api.SpanKind.SERVER, attributes, root);
    return this.#run(span, work, () => undefined, root);
  }

  /** Notes an error of the request in whose span the present code runs. */
  failed(error: unknown): void {
    const span = this.#api.trace.getActiveSpan();
    if (span !== undefined) this.#failed(span, error);
  }

  /** Checks the credentials of a login. @param by how they came */
  login<Known extends { readonly user: string } | undefined>(
    by: string,
    work: () => Promise<Known>,
  ): Promise<Known> {
    const attributes = { [ATTRIBUTE.login]: by, [ATTRIBUTE.node]: this.#node };
    const span = this.#start("login", this.#api.SpanKind.INTERNAL, attributes);
    return this.#run(span, work, (known) => {
      if (known !== undefined) span.setAttribute(ATTRIBUTE.user, known.user);
    });
  }

  #start(name: string, kind: SpanKind, attributes: Attributes, parent?: Context): Span {
    return this.#tracer.startSpan(name, { kind, attributes }, parent);
  }

  /** Runs work in the context of a span, and ends the span after it. */
  #run<Result>(
    span: Span,
    work: () => Result,
    done: (result: Awaited<Result>) => void,
    parent = this.#api.context.active(),
  ): Result {
    const { context, trace } = this.#api;
    const ended = (result: Awaited<Result>): Awaited<Result> => {
      done(result);
      span.end();
      return result;
    };
    const failed = (thrown: unknown): never => {
      this.#failed(span, thrown);
      span.end();
      throw thrown;
    };
    let result: Result;
    try {
      result = context.with(trace.setSpan(parent, span), work);
    } catch (thrown) {
      return failed(thrown);
    }
    if (result instanceof Promise) return result.then(ended, failed) as Result; // of the same value
    ended(result as Awaited<Result>); // it is no promise
    return result;
  }

  #failed(span: Span, thrown: unknown): void {
    const { code, message } = toTidingsError(thrown);
    span.setAttribute(ATTRIBUTE.error, code).setStatus({ code: this.#api.SpanStatusCode.ERROR, message });
  }

  /** The context in which a message was published; undefined unless it is sampled. */
  #parentOf({ trace }: TracedMessage): Context | undefined {
    const context = trace === undefined ? undefined : decodeContext(trace, this.#api.createTraceState);
    return context && this.#api.trace.setSpanContext(this.#api.ROOT_CONTEXT, context);
  }

  /** The context of the caller of an HTTP request: of the code around it, else of its header. */
  #callerOf({ headers, isTrusted }: TracedRequest): Context {
    const { context, createTraceState, propagation, trace } = this.#api;
    const around = context.active();
    if (!isTrusted || trace.getSpanContext(around) !== undefined) return around;
    const extracted = propagation.extract(around, headers, GETTER);
    if (trace.getSpanContext(extracted) !== undefined) return extracted;
    // Without a registered propagator: the standard one.
    const parent = `${headers.get("traceparent") ?? ""} ${headers.get("tracestate") ?? ""}`;
    const known = decodeContext(parent, createTraceState);
    return known === undefined ? extracted : trace.setSpanContext(extracted, known);
  }
}

/** Reads header fields for a propagator. */
const GETTER = {
  keys: (headers: Headers): string[] => [...headers.keys()],
  get: (headers: Headers, name: string): string | undefined => headers.get(name) ?? undefined,
};
