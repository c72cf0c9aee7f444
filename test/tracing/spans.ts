import { context, propagation, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { afterAll, afterEach, beforeAll } from "vitest";
import { eventually } from "../support/eventually.ts";

/** Spans that have ended. */
export class Spans {
  readonly #exporter: InMemorySpanExporter;

  constructor(exporter: InMemorySpanExporter) {
    this.#exporter = exporter;
  }

  get all(): ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  reset(): void {
    this.#exporter.reset();
  }

  named(name: string): ReadableSpan[] {
    return this.all.filter((span) => span.name === name);
  }

  /** Waits for the spans of a name. */
  async take(count: number, name: string): Promise<ReadableSpan[]> {
    await eventually(`${count} spans ${name} have ended`, () => this.named(name).length >= count);
    return this.named(name);
  }

  async one(name: string): Promise<ReadableSpan> {
    const [span, ...others] = await this.take(1, name);
    if (span === undefined || others.length > 0) throw new Error(`${others.length + 1} spans ${name}`);
    return span;
  }
}

/** Registers a provider for the tests of a file, as an application does. */
export function registerSpans(sampler?: Sampler): Spans {
  const exporter = new InMemorySpanExporter();
  beforeAll(() => {
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    new NodeTracerProvider({ spanProcessors, ...(sampler && { sampler }) }).register();
  });
  afterEach(() => exporter.reset());
  afterAll(() => {
    for (const api of [trace, context, propagation]) api.disable();
  });
  return new Spans(exporter);
}

/** Name of a span and of those below it. */
export interface Tree {
  readonly [name: string]: Tree;
}

/** The spans of one trace as a tree; below a parent of elsewhere, or none, are its roots. */
export function treeOf(spans: readonly ReadableSpan[], parent?: string): Tree {
  const known = new Set(spans.map((span) => span.spanContext().spanId));
  const isBelow = ({ parentSpanContext }: ReadableSpan): boolean =>
    parent === undefined ? !known.has(parentSpanContext?.spanId ?? "") : parentSpanContext?.spanId === parent;
  return Object.fromEntries(
    spans.filter(isBelow).map((span) => [span.name, treeOf(spans, span.spanContext().spanId)]),
  );
}
