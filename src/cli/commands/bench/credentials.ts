import { readFile } from "node:fs/promises";
import {
  type Credentials,
  clientsOf,
  type Plan,
  type TokenOf,
  type TokensOf,
} from "../../../loadtest/loadtest.ts";
import { TidingsError } from "../../../protocol/protocol.ts";
import { tokenAuthenticator } from "../../minting.ts";
import type { BenchFlags } from "./flags.ts";

/** Lifetime of a token beyond the run. */
const SPARE_S = 3_600;

/** How the clients log in. @throws TidingsError `bad_request` for tokens that cannot be read */
export async function credentialsOf(
  flags: Pick<BenchFlags, "secret" | "token" | "tokens" | "raw">,
): Promise<Credentials> {
  const listed =
    flags.tokens === undefined ? [] : (await read(flags.tokens)).split("\n").map((line) => line.trim());
  const tokens = [...flags.token, ...listed.filter((line) => line !== "")];
  if (flags.raw === true) return { type: "development" };
  if (tokens.length > 0) return { type: "tokens", tokens, users: tokens.map(userIn) };
  return flags.secret === undefined ? { type: "development" } : { type: "secret", secret: flags.secret };
}

/** Scenarios that write to users: with fewer tokens than clients two clients would be one user. */
const BY_USER: readonly Plan["scenario"][] = ["direct", "cross-node", "storm"];

/** @throws TidingsError `bad_request` when there are too few tokens for the plan */
export function assertEnough(credentials: Credentials, plan: Plan): void {
  const needed = clientsOf(plan);
  if (credentials.type !== "tokens" || !BY_USER.includes(plan.scenario)) return;
  const users = new Set(credentials.users).size;
  if (users >= needed) return;
  throw new TidingsError(
    "bad_request",
    `${plan.scenario}: each of the ${needed} clients needs a token of a user of its own, got ${users} users`,
  );
}

/** Makes the tokens of the clients, in a process of the tester. */
export const tokensOf: TokensOf = (credentials, plan): TokenOf => {
  if (credentials.type === "development") return () => Promise.resolve(undefined);
  if (credentials.type === "tokens") {
    const { tokens } = credentials;
    return (_, index) => Promise.resolve(tokens[index % tokens.length]);
  }
  // Its environment has the other settings of the server's tokens.
  const authenticator = tokenAuthenticator({ env: process.env, flags: { "jwt-secret": credentials.secret } });
  authenticator.catch(() => undefined); // each client tells of it
  const own = [`group:bench-${plan.run}-*`];
  const can = { join: own, history: own, send: [...own, `user:bench-${plan.run}-*`] };
  const expiresInSeconds = Math.ceil(plan.durationMs / 1_000) + SPARE_S;
  return async (user) => {
    try {
      return await (await authenticator).mint?.({ user, can, expiresInSeconds });
    } catch (error) {
      throw new Error(`token: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
};

/** The claim `sub` of a token, which is not verified here. */
function userIn(token: string): string {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    if (typeof claims === "object" && claims !== null && "sub" in claims && typeof claims.sub === "string")
      return claims.sub;
  } catch {
    // Told below.
  }
  throw new TidingsError("bad_request", "--token: expected a JSON Web Token with a user in the claim sub");
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new TidingsError("bad_request", `${file}: expected a file that can be read`, { cause });
  }
}
