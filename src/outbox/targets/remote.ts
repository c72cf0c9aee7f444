import { TidingsError } from "../../protocol/protocol.ts";
import type { OutboxMessage } from "../row.ts";
import { errorOf, errorsOf, type Publish } from "./publish.ts";

/** A hub in another process. */
export interface RemoteHub {
  /** Address of its HTTP API, such as `https://chat.example.com`; with the prefix where it has one. */
  readonly url: string;
  /** API key of the scope `publish`. */
  readonly apiKey: string;
}

/** A hub that is there and silent counts as failed. */
const ANSWER_MS = 10_000;

/**
 * Publishes through the HTTP API of a hub.
 * @throws TidingsError `bad_request` for an address that is no HTTP URL, and without a key
 */
export function remoteHub({ url, apiKey }: RemoteHub): Publish {
  const address = addressOf(url);
  if (typeof apiKey !== "string" || apiKey === "") throw badOption("hub.apiKey: expected an API key");
  const headers = headersOf(apiKey);
  return async (messages) => {
    const body = `{"operations":[${messages.map(textOf).join(",")}]}`;
    const answer = await post(address, { method: "POST", headers, body });
    return errorsOf(answer.results, messages.length);
  };
}

interface Answer {
  readonly results?: unknown;
}

async function post(address: URL, request: RequestInit): Promise<Answer> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  const response = await fetch(address, { ...request, signal, redirect: "error" }).catch((error: Error) => {
    const { message } = error.cause instanceof Error ? error.cause : error;
    throw unavailable(`no reply from ${address.origin}: ${message}`);
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return (body ?? {}) as Answer;
  throw failureOf(response, body);
}

/** Too large is what a proxy may say as well. Anything else of those who are no hub is an outage. */
function failureOf({ status, url }: Response, body: unknown): TidingsError {
  const error = errorOf(body);
  if (status === 413)
    return new TidingsError("too_large", error?.message ?? "the hub's proxy refuses its size");
  return error ?? unavailable(`${url} answers ${status}: is it the URL of a hub?`);
}

/** The data goes as the application wrote it: its numbers may have more digits than those of JavaScript. */
function textOf({ target, type, text, key, from }: OutboxMessage): string {
  const op = target.to === undefined && target.group === undefined ? "broadcast" : "send";
  const fields = JSON.stringify({ op, ...target, type, key, from });
  return text === undefined ? fields : `${fields.slice(0, -1)},"data":${text}}`;
}

/** Errors of fetch quote a header that they refuse, so it is tried here. */
function headersOf(apiKey: string): Headers {
  try {
    return new Headers({ "content-type": "application/json", "x-api-key": apiKey });
  } catch {
    throw badOption("hub.apiKey: expected the characters of a header, without line breaks");
  }
}

function addressOf(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (
    address === undefined ||
    !/^https?:$/.test(address.protocol) ||
    address.username + address.password !== ""
  )
    throw badOption("hub.url: expected a URL with http: or https:, without a user and a password");
  return new URL("batch", address.href.endsWith("/") ? address : `${address.href}/`);
}

const badOption = (message: string): TidingsError =>
  new TidingsError("bad_request", `createRelay: ${message}`);

const unavailable = (message: string): TidingsError => new TidingsError("unavailable", `outbox: ${message}`);
