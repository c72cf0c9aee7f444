import { hubUrl } from "../../shared/shared.ts";

/** A request that the server has refused, or that has not reached it. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  /** @param status 0 when there was no answer */
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

type Fields = Readonly<Record<string, string | number | undefined>>;

/** The HTTP API, with an API key. The key goes into a header: addresses end up in the logs of proxies. */
export class Api {
  readonly #key: string | undefined;

  /** @param key undefined where the API is open, in development mode */
  constructor(key: string | undefined) {
    this.#key = key;
  }

  get<Reply>(path: string, query: Fields = {}, signal?: AbortSignal): Promise<Reply> {
    const url = hubUrl(path);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return this.#request(url, { signal: signal ?? null });
  }

  post<Reply>(path: string, body: object): Promise<Reply> {
    return this.#request(hubUrl(path), { method: "POST", body: JSON.stringify(body) });
  }

  put<Reply>(path: string, body: object): Promise<Reply> {
    return this.#request(hubUrl(path), { method: "PUT", body: JSON.stringify(body) });
  }

  async #request<Reply>(url: URL, init: RequestInit): Promise<Reply> {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (this.#key !== undefined) headers["x-api-key"] = this.#key;
    const response = await answered(url, { ...init, headers, credentials: "omit" });
    const body = await bodyOf(response);
    if (response.ok) return body as Reply; // the hub's own API
    const { code = "internal", message = response.statusText } =
      (body as { error?: { code?: string; message?: string } } | null)?.error ?? {};
    throw new ApiError(response.status, code, message);
  }
}

async function answered(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "unavailable", "The hub cannot be reached.");
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null; // a proxy answered
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
