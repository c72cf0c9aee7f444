import { Distribution } from "../../protocol/protocol.ts";
import type { Histogram } from "./histogram.ts";
import { ANSWER_BOUNDS } from "./http.ts";
import type { ScrapedMetrics } from "./registry.ts";

/** Names of the status codes of gRPC, by number: https://grpc.io/docs/guides/status-codes/. */
const STATUS = [
  "ok",
  "cancelled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
];

/** Counts of the gRPC server. */
export class GrpcCounts {
  /** Streams of channels that are open. */
  streams = 0;
  readonly #calls = new Map(STATUS.map((name) => [name, 0]));
  readonly #seconds = new Map<string, Distribution>();
  #sessions: { readonly size: number; readonly cut: number } = { size: 0, cut: 0 };

  /** Counts a call that has ended. @param status as the answer had it; none for a call that was broken off */
  ended(status: string | null | undefined): void {
    const name = STATUS[Number(status ?? "1")] ?? "unknown";
    this.#calls.set(name, (this.#calls.get(name) ?? 0) + 1);
  }

  /** Notes the duration of a call without a stream. @param method of a service, never a name that a client chooses */
  took(method: string, seconds: number): void {
    const known = this.#seconds.get(method) ?? new Distribution(ANSWER_BOUNDS);
    this.#seconds.set(method, known);
    known.observe(seconds);
  }

  /** Counts these sessions from here on. */
  watch(sessions: { readonly size: number; readonly cut: number }): void {
    this.#sessions = sessions;
  }

  get calls(): ReadonlyMap<string, number> {
    return this.#calls;
  }

  get histogram(): Histogram {
    return {
      name: "tidings_grpc_call_seconds",
      help: "Time from a call of gRPC to its end, without streams.",
      parts: [...this.#seconds].map(([method, seconds]) => [{ method }, seconds]),
    };
  }

  get sessions(): { readonly size: number; readonly cut: number } {
    return this.#sessions;
  }
}

export function registerGrpc(own: ScrapedMetrics, counts: GrpcCounts): void {
  own.counters("tidings_grpc_calls_total", "Calls of gRPC that have ended.", "code", () => counts.calls);
  own.gauge("tidings_grpc_streams", "Streams of channels by gRPC.", () => counts.streams);
  own.gauge("tidings_grpc_sessions", "HTTP/2 sessions of gRPC clients.", () => counts.sessions.size);
  const cutHelp = "HTTP/2 sessions that were cut or refused because of a limit.";
  own.counter("tidings_grpc_cut_total", cutHelp, () => counts.sessions.cut);
}
