/** Codes of error replies, which keep the connection, with their HTTP status. Close codes (close.ts) end it. */
const STATUS = {
  /** The input has the wrong shape. */
  bad_request: 400,
  /** No valid credentials. */
  unauthorized: 401,
  /** The time of the token has passed, or has not come yet: log in with a fresh one. */
  token_expired: 401,
  /** The user may not do this. */
  forbidden: 403,
  /** The named thing does not exist. */
  not_found: 404,
  /** No handler has this name. */
  unknown_action: 404,
  /** The state has moved on. */
  conflict: 409,
  /** Over a size limit. */
  too_large: 413,
  /** Too many messages, requests or stored bytes. */
  rate_limited: 429,
  /** A hook of the application refused it. */
  refused: 403,
  /** The application disconnected the user. Of clients: their session is over. */
  kicked: 403,
  /** A newer connection of the user took the place. Of clients: their session is over. */
  replaced: 403,
  /** The user has too many connections. Of clients: their session is over. */
  limit: 403,
  /** The user is blocked. Of clients: their session is over. */
  blocked: 403,
  /** The server failed. */
  internal: 500,
  /** The backplane is unavailable, or the node is closing or overloaded. */
  unavailable: 503,
  /** No reply in time. */
  timeout: 504,
} as const;

export type ErrorCode = keyof typeof STATUS;

/** An equal request may succeed later after failures of the server, and after too many requests. */
const isRetryable = (status: number): boolean => status === 429 || status >= 500;

type ErrorTable = { readonly [Code in ErrorCode]: { readonly retryable: boolean; readonly status: number } };

/** The codes, with their HTTP status. `retryable`: an equal request may succeed later. */
export const ERROR_CODES: ErrorTable = /* @__PURE__ */ tableOf(STATUS);

function tableOf(statuses: Readonly<Record<ErrorCode, number>>): ErrorTable {
  const rows = Object.entries(statuses).map(([code, status]) => [
    code,
    { retryable: isRetryable(status), status },
  ]);
  return Object.fromEntries(rows) as ErrorTable; // a row for each code
}

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === "string" && Object.hasOwn(STATUS, value);

export interface TidingsErrorOptions extends ErrorOptions {
  /** Milliseconds after which an equal request may succeed. @default not known */
  readonly retryAfterMs?: number | undefined;
}

/** Marks the errors of Tidings in every copy of this module: the packages' entries for server and client each have one. */
const MARK = Symbol.for("tidings.TidingsError");

interface Marked {
  readonly [MARK]?: true;
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

  /** On the prototype: a field of its own would show in every print of an error. */
  get [MARK](): true {
    return true;
  }

  /** True for errors of every copy of this class: of `tidings` and of `tidings/client` alike. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: subclasses inherit this method, and keep the usual meaning
    if (this === TidingsError) return Boolean((value as Marked | null | undefined)?.[MARK]);
    // biome-ignore lint/complexity/noThisInStatic: the usual meaning depends on `this`
    return super[Symbol.hasInstance](value);
  }

  /** True when an equal request may succeed later. */
  get retryable(): boolean {
    return isRetryable(this.status);
  }

  /** HTTP status of this error. */
  get status(): number {
    return STATUS[this.code];
  }
}

/** Makes the error for input that is not valid. */
export const badRequest = (message: string, options?: TidingsErrorOptions): TidingsError =>
  new TidingsError("bad_request", message, options);

/**
 * Converts a thrown value to a {@link TidingsError}. An unexpected value becomes the `cause` of `internal`. An error
 * with a code that the protocol lacks is unexpected too: the code has no status, and no client knows it.
 */
export function toTidingsError(thrown: unknown): TidingsError {
  if (thrown instanceof TidingsError && isErrorCode(thrown.code)) return thrown;
  return new TidingsError("internal", "the server failed to handle this", { cause: thrown });
}
