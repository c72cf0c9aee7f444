/**
 * Codes of error replies, which keep the connection. Close codes (close.ts) end it.
 * `retryable`: an equal request may succeed later. `status`: the HTTP status of the error.
 */
export const ERROR_CODES = {
  bad_request: { retryable: false, status: 400, meaning: "the input has the wrong shape" },
  unauthorized: { retryable: false, status: 401, meaning: "no valid credentials" },
  forbidden: { retryable: false, status: 403, meaning: "the user may not do this" },
  not_found: { retryable: false, status: 404, meaning: "the named thing does not exist" },
  unknown_action: { retryable: false, status: 404, meaning: "no handler has this name" },
  conflict: { retryable: false, status: 409, meaning: "the state has moved on" },
  too_large: { retryable: false, status: 413, meaning: "over a size limit" },
  rate_limited: { retryable: true, status: 429, meaning: "too many requests" },
  refused: { retryable: false, status: 403, meaning: "a hook of the application refused it" },
  internal: { retryable: true, status: 500, meaning: "the server failed" },
  unavailable: {
    retryable: true,
    status: 503,
    meaning: "the backplane is unavailable or the node is closing",
  },
  timeout: { retryable: true, status: 504, meaning: "no reply in time" },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === "string" && Object.hasOwn(ERROR_CODES, value);

/** Error of Tidings, with a stable `code` and a message that says what to change. */
export class TidingsError extends Error {
  override readonly name = "TidingsError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
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
