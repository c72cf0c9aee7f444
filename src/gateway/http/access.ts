import { TidingsError } from "../../protocol/protocol.ts";
import { apiKeyMatches, isLocalRequest } from "../auth/auth.ts";
import type { ApiPorts } from "./ports.ts";

/**
 * Checks that a request has the API key. In development mode without a key, checks that the request can only come from
 * this machine and from one of its own pages.
 * @throws TidingsError `unauthorized` or `forbidden`, saying what is missing
 */
export function assertAccess({ headers, url }: Request, { apiKey, development }: ApiPorts): void {
  if (apiKey !== undefined) assertKey(headers, apiKey);
  else if (development) assertLocal(headers, url);
  else throw new TidingsError("unauthorized", "the HTTP API needs a key: set API_KEY");
}

function assertKey(headers: Headers, apiKey: string): void {
  const bearer = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const given = headers.get("x-api-key") ?? bearer;
  if (apiKeyMatches(given, apiKey)) return;
  const message =
    given === undefined
      ? "send the API key in the header X-API-Key or Authorization: Bearer"
      : "the API key is not valid";
  throw new TidingsError("unauthorized", message);
}

function assertLocal(headers: Headers, url: string): void {
  // Frameworks that make requests in code may omit the header; browsers never do.
  const host = headers.get("host") ?? new URL(url).host;
  if (isLocalRequest({ host, origin: headers.get("origin") ?? undefined })) return;
  throw new TidingsError(
    "forbidden",
    "development mode answers this machine under the name localhost only: set API_KEY to open the HTTP API",
  );
}
