import type { SpanContext, TraceState } from "@opentelemetry/api";

/** Version, trace, parent and flags (https://www.w3.org/TR/trace-context/#traceparent-header). Later versions may add fields. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

/** Longest `tracestate` that is passed on; a longer one is left out, as the standard allows. */
const MAX_STATE = 512;

/** The context of a span as text: `traceparent`, and after a space `tracestate`, where there is one. */
export function encodeContext({ traceId, spanId, traceFlags, traceState }: SpanContext): string {
  const flags = traceFlags.toString(16).padStart(2, "0");
  const state = traceState?.serialize() ?? "";
  const parent = `00-${traceId}-${spanId}-${flags}`;
  return state === "" || state.length > MAX_STATE ? parent : `${parent} ${state}`;
}

/**
 * Reads a context.
 * @param stateOf parses `tracestate`
 * @returns undefined for a text that is none
 */
export function decodeContext(
  text: string,
  stateOf: (text: string) => TraceState,
): Required<SpanContext> | undefined {
  const end = text.indexOf(" ");
  const parent = end === -1 ? text : text.slice(0, end);
  const state = end === -1 ? "" : text.slice(end + 1);
  const [, traceId, spanId, flags] = TRACEPARENT.exec(parent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  // Ids of zeros alone are not valid.
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    traceState: stateOf(state),
  };
}
