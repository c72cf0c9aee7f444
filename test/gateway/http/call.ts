import { request } from "node:http";
import type { RunningHub } from "../../support/hub.ts";

/** Response of the HTTP API. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed body. */
  readonly body: Record<string, unknown>;
}

export interface Call {
  readonly method?: string;
  /** Body of the request: text, a form or bytes as given, any other value as JSON. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Calls the HTTP API of a hub over a real socket. */
export async function call({ at }: RunningHub, path: string, options: Call = {}): Promise<Answer> {
  const { body, headers = {}, method = body === undefined ? "GET" : "POST" } = options;
  const response = await fetch(at.url + path, { method, headers, body: bodyOf(body) });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson ? JSON.parse(text) : {},
  };
}

function bodyOf(body: unknown): string | URLSearchParams | FormData | undefined {
  if (body === undefined || typeof body === "string") return body;
  if (body instanceof URLSearchParams || body instanceof FormData) return body;
  return JSON.stringify(body);
}

/** Calls with another header Host, which `fetch` cannot set. @returns the status */
export function callAs(
  { at }: RunningHub,
  path: string,
  headers: Record<string, string>,
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: at.port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on("error", reject);
    asked.end();
  });
}
