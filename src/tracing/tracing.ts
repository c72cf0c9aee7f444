/** Traces for OpenTelemetry. The rooms that are traced declare what they need of it; this room knows none of them. */
import { createRequire } from "node:module";
import type { Tracer as ApiTracer } from "@opentelemetry/api";
import packageJson from "../../package.json" with { type: "json" };
import { TidingsError } from "../protocol/protocol.ts";
import { OpenTelemetry } from "./open-telemetry.ts";

/** A tracer of OpenTelemetry: what `trace.getTracer()` of `@opentelemetry/api` returns. */
export interface Tracer {
  startSpan(name: string, options?: object, context?: object): object;
}

/**
 * Makes the traces of a hub.
 * @param option true: by the provider that is registered for the process. Or a tracer of another one
 * @param node id of this node
 * @returns undefined when nothing is traced
 * @throws TidingsError `bad_request` without the package `@opentelemetry/api`, and for anything else than a tracer
 */
export function makeTracing(option: boolean | Tracer, node: string): Tracing | undefined {
  if (option === false) return undefined;
  const isTracer = option === true || typeof option?.startSpan === "function";
  if (!isTracer) {
    const expected = "expected true, or a tracer such as trace.getTracer() of @opentelemetry/api";
    throw new TidingsError("bad_request", `tracing: ${expected}, got ${typeof option}`);
  }
  const api = loadApi();
  const own = option === true ? api.trace.getTracer(packageJson.name, packageJson.version) : option;
  return new OpenTelemetry(api, own as ApiTracer, node); // the method is checked, and its types are those of the API
}

/** Loads the API of OpenTelemetry, which is an optional dependency, only for those who use it. */
function loadApi(): typeof import("@opentelemetry/api") {
  try {
    return createRequire(import.meta.url)("@opentelemetry/api") as typeof import("@opentelemetry/api"); // it is the package of these types
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    const text = "tracing: needs the package @opentelemetry/api: npm install @opentelemetry/api";
    throw new TidingsError("bad_request", text);
  }
}

/** The traces of one hub. */
export type Tracing = OpenTelemetry;
