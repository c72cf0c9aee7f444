import { isErrorCode, TidingsError } from "../../../../src/client/client.ts";
import { hubUrl } from "../../../shared/shared.ts";
import type { Login } from "../wire.ts";

/** The operations that come before a login, so that they are offered over HTTP only. */
export interface OpenOperations {
  register: { input: { user: string; password: string }; reply: Login };
  login: { input: { user: string; password: string }; reply: Login };
  refresh: { input: { refreshToken: string }; reply: Login };
  logout: { input: { refreshToken: string }; reply: Record<never, never> };
}

/**
 * Calls an operation of the chat over HTTP.
 * @throws TidingsError as the server says, and `unavailable` without a network
 */
export async function post<Name extends keyof OpenOperations>(
  name: Name,
  input: OpenOperations[Name]["input"],
): Promise<OpenOperations[Name]["reply"]> {
  const request = { method: "POST", body: JSON.stringify(input), keepalive: true };
  const response = await fetch(hubUrl(`/chat/${name}`), request).catch(unreachable);
  const body: unknown = await response.json().catch(unreachable);
  if (response.ok) return body as OpenOperations[Name]["reply"]; // as docs/CHAT.md says
  const { error } = body as { readonly error?: { readonly code?: unknown; readonly message?: unknown } };
  const code = isErrorCode(error?.code) ? error.code : "unavailable";
  const seconds = Number(response.headers.get("retry-after"));
  throw new TidingsError(code, String(error?.message ?? `HTTP ${response.status}`), {
    retryAfterMs: seconds > 0 ? seconds * 1_000 : undefined,
  });
}

function unreachable(): never {
  throw new TidingsError("unavailable", "The server cannot be reached now. Try again in a moment.");
}
