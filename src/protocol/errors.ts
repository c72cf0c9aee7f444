/**
 * Codes of error replies, which keep the connection. Close codes (close.ts) end it.
 * `retryable`: an equal request may succeed later. `status`: the HTTP status of the error.
 */
export const ERROR_CODES = {
  /** The input has the wrong shape. */
  bad_request: { retryable: false, status: 400 },
  /** No valid credentials. */
  unauthorized: { retryable: false, status: 401 },
  /** The time of the token has passed, or has not come yet: log in with a fresh one. */
  token_expired: { retryable: false, status: 401 },
  /** The user may not do this. */
  forbidden: { retryable: false, status: 403 },
  /** The named thing does not exist. */
  not_found: { retryable: false, status: 404 },
  /** No handler has this name. */
  unknown_action: { retryable: false, status: 404 },
  /** The state has moved on. */
  conflict: { retryable: false, status: 409 },
  /** Over a size limit. */
  too_large: { retryable: false, status: 413 },
  /** Too many messages, requests or stored bytes. */
  rate_limited: { retryable: true, status: 429 },
  /** A hook of the application refused it. */
  refused: { retryable: false, status: 403 },
  /** The server failed. */
  internal: { retryable: true, status: 500 },
  /** The backplane is unavailable, or the node is closing or overloaded. */
  unavailable: { retryable: true, status: 503 },
  /** No reply in time. */
  timeout: { retryable: true, status: 504 },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === "string" && Object.hasOwn(ERROR_CODES, value);

export interface TidingsErrorOptions extends ErrorOptions {
  /** Milliseconds after which an equal request may succeed. @default not known */
  readonly retryAfterMs?: number | undefined;
}

/** Error of Tidings, with a stable `code` and a message that says what to change. */
export class TidingsError extends Error {
  override readonly name = "TidingsError";
  readonly code: ErrorCode;
  /** Milliseconds after which an equal request may succeed; undefined when it is not known. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options?: TidingsErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = options?.retryAfterMs;
  }

  /** True when an equal request may succeed later. */
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }

  /** HTTP status of this error. */
  get status(): number {
    return ERROR_CODES[this.code].status;
  }
}

/**
 * Converts a thrown value to a {@link TidingsError}. An unexpected value becomes the `cause` of `internal`. An error
 * with a code that the protocol lacks is unexpected too: the code has no status, and no client knows it.
 */
export function toTidingsError(thrown: unknown): TidingsError {
  if (thrown instanceof TidingsError && isErrorCode(thrown.code)) return thrown;
  return new TidingsError("internal", "the server failed to handle this", { cause: thrown });
}
