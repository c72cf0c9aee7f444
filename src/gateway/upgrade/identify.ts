import { toTidingsError, within } from "../../protocol/protocol.ts";
import {
  type Authenticator,
  type Credentials,
  checkOf,
  hasCredentials,
  type Identity,
  isPending,
  type UpgradeRequest,
  type Verdict,
} from "../auth/auth.ts";
import { type LoginRequest, nobody } from "../socket/request.ts";

/**
 * Asks the authenticator about the request for a WebSocket.
 * @returns the identity, at once where nothing has to be waited for; undefined when the request proves nobody, and a promise that rejects when its
 * credentials are refused
 */
export type Identify = (login: LoginRequest, request: UpgradeRequest) => Verdict;

export interface IdentifyPorts {
  readonly authenticator: Authenticator;
  readonly loginTimeoutMs: number;
}

export function identifierBy({ authenticator, loginTimeoutMs }: IdentifyPorts): Identify {
  const check = checkOf(authenticator);
  return ({ credentials }, request) => {
    const hasNone = credentials.token === undefined && credentials.userId === undefined;
    if (hasNone && authenticator.onlyTokens) return undefined;
    const asked = { ...credentials, address: request.address, request };
    let verdict: Verdict;
    try {
      verdict = check(asked);
    } catch (thrown) {
      verdict = Promise.reject(thrown);
    }
    if (!isPending(verdict) && verdict !== undefined) return verdict;
    return identified(asked, verdict, hasNone, loginTimeoutMs);
  };
}

async function identified(
  asked: Credentials,
  verdict: Verdict,
  hasNone: boolean,
  timeoutMs: number,
): Promise<Identity | undefined> {
  try {
    const identity = await within(timeoutMs, "the login", async () => verdict);
    if (identity === undefined && !hasNone) throw nobody();
    return identity;
  } catch (thrown) {
    // The authenticator wants a token, which may follow in a message.
    const isWaiting = !hasCredentials(asked) && toTidingsError(thrown).code === "unauthorized";
    if (isWaiting) return undefined;
    throw thrown;
  }
}
