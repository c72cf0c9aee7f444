import { create, type FileRegistry } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { type ErrorCode, isErrorCode, TidingsError, toTidingsError } from "../../protocol/protocol.ts";
import { messageOf } from "./schema.ts";

/** Status codes of gRPC, by the codes of errors. */
const CODES: Readonly<Record<ErrorCode, Code>> = {
  bad_request: Code.InvalidArgument,
  unauthorized: Code.Unauthenticated,
  token_expired: Code.Unauthenticated,
  forbidden: Code.PermissionDenied,
  not_found: Code.NotFound,
  unknown_action: Code.Unimplemented,
  conflict: Code.Aborted,
  too_large: Code.ResourceExhausted,
  rate_limited: Code.ResourceExhausted,
  refused: Code.PermissionDenied,
  kicked: Code.PermissionDenied,
  replaced: Code.PermissionDenied,
  limit: Code.PermissionDenied,
  blocked: Code.PermissionDenied,
  internal: Code.Internal,
  unavailable: Code.Unavailable,
  timeout: Code.DeadlineExceeded,
};

/** Names the program in `google.rpc.ErrorInfo`. */
const DOMAIN = "tidings";

/** Makes errors of gRPC with the code and the message of the HTTP API: `ErrorInfo` and `RetryInfo` are their details. */
export class Errors {
  readonly #schema: FileRegistry;
  readonly #report: (stage: string, error: unknown) => void;

  /** @param report called with unexpected errors, which callers see as `internal` */
  constructor(schema: FileRegistry, report: (stage: string, error: unknown) => void) {
    this.#schema = schema;
    this.#report = report;
  }

  /** Converts whatever was thrown. An error of gRPC stays as it is. */
  from(thrown: unknown): ConnectError {
    if (thrown instanceof ConnectError) return thrown;
    if (thrown instanceof Error && thrown.name === "AbortError")
      return new ConnectError("the caller has ended the call", Code.Canceled);
    const error = toTidingsError(thrown);
    if (error !== thrown) this.#report("gRPC", thrown);
    return this.of(error);
  }

  of({ code: reason, message, retryAfterMs }: TidingsError): ConnectError {
    const info = { desc: messageOf(this.#schema, "google.rpc.ErrorInfo"), value: { reason, domain: DOMAIN } };
    if (retryAfterMs === undefined) return new ConnectError(message, CODES[reason], undefined, [info]);
    const retryDelay = create(DurationSchema, {
      seconds: BigInt(Math.floor(retryAfterMs / 1_000)),
      nanos: Math.round((retryAfterMs % 1_000) * 1_000_000),
    });
    const retry = { desc: messageOf(this.#schema, "google.rpc.RetryInfo"), value: { retryDelay } };
    // Clients with a retry policy wait as long as this field says: https://grpc.io/docs/guides/retry/.
    const metadata = { "grpc-retry-pushback-ms": String(Math.ceil(retryAfterMs)) };
    return new ConnectError(message, CODES[reason], metadata, [info, retry]);
  }

  /** Converts a refusal of the HTTP API. */
  ofResponse({ status, headers }: Response, text: string): ConnectError {
    const { code, message, retryAfterMs } = refusalIn(text);
    const after = headers.get("retry-after");
    const waitMs = retryAfterMs ?? (after === null ? undefined : Number(after) * 1_000);
    const known = isErrorCode(code) ? code : "internal";
    return this.of(
      new TidingsError(known, message ?? `the server answered ${status}`, { retryAfterMs: waitMs }),
    );
  }
}

interface Refusal {
  readonly code?: string;
  readonly message?: string;
  readonly retryAfterMs?: number;
}

function refusalIn(text: string): Refusal {
  try {
    return (JSON.parse(text) as { readonly error?: Refusal }).error ?? {}; // the hub itself wrote it
  } catch {
    return {};
  }
}
