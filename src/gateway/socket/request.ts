import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { z } from "zod";
import { loginSchema } from "../../actions/actions.ts";
import { isChannel, type Positions, TidingsError } from "../../protocol/protocol.ts";
import type { Credentials } from "../auth/auth.ts";
import { assertDecodable } from "../url.ts";

/** Login of a client, in the query of `/ws` or in `robot.login`. */
export interface LoginRequest {
  readonly credentials: Credentials;
  readonly platform?: string;
  readonly device?: string;
  readonly resume: Positions;
}

/** Reads the query of an upgrade request. @throws TidingsError `bad_request` naming the parameter */
export function readQuery(request: IncomingMessage): LoginRequest {
  const { url = "/", headers } = request;
  assertDecodable(url);
  const { token, user_id, platform, device, resume } = parametersOf(url);
  const positions = resume === undefined ? undefined : parseJson(resume);
  return readLogin({ token: token ?? bearerIn(headers), user_id, platform, device, resume: positions });
}

/**
 * Reads the data of `robot.login`.
 * @throws TidingsError `bad_request` naming the field
 */
export function readLogin(data: unknown): LoginRequest {
  const { token, user_id, platform, device, resume } = parse(loginSchema, data ?? {});
  return { credentials: { token, userId: user_id }, platform, device, resume: readPositions(resume ?? {}) };
}

/** Parameters in the query of a request target, of which a fragment is no part. The last one of a name counts. */
function parametersOf(target: string): Readonly<Record<string, string | undefined>> {
  const [path = ""] = target.split("#", 1);
  const start = path.indexOf("?");
  if (start < 0) return {};
  const query = path.slice(start + 1);
  return PLAIN.test(query) ? plainParameters(query) : Object.fromEntries(new URLSearchParams(`?${query}`));
}

/** A query without anything to decode, as most clients send it. */
const PLAIN = /^[\w.~&=-]*$/;

/** Reads a plain query as URLSearchParams does, in a third of its time. */
function plainParameters(query: string): Readonly<Record<string, string>> {
  const parameters: Record<string, string> = {};
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    if (equals >= 0) parameters[pair.slice(0, equals)] = pair.slice(equals + 1);
    else if (pair !== "") parameters[pair] = "";
  }
  return parameters;
}

const bearerIn = ({ authorization }: IncomingHttpHeaders): string | undefined =>
  authorization === undefined ? undefined : /^Bearer +(.+)$/i.exec(authorization)?.[1];

/** The error for credentials by which an authenticator knows no user. */
export const nobody = (): TidingsError =>
  new TidingsError("unauthorized", "these credentials belong to nobody");

function readPositions(positions: Record<string, { epoch: string; offset: number }>): Positions {
  const known: Positions = {};
  for (const [channel, position] of Object.entries(positions)) {
    if (!isChannel(channel))
      throw new TidingsError("bad_request", `resume: ${JSON.stringify(channel)} is not a channel`);
    known[channel] = position;
  }
  return known;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TidingsError("bad_request", "resume: expected JSON");
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new TidingsError(
    "bad_request",
    `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "expected an object"}`,
  );
}
