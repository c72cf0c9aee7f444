import { assertDepth, jsonProblem, TidingsError } from "../../protocol/protocol.ts";

export type Fields = Record<string, unknown>;

/** A body in JSON. The numbers of the fields are rounded; the text has all their digits. */
export interface JsonBody {
  readonly text: string;
  readonly fields: Fields;
}

/**
 * Reads the JSON object in a request's body; an empty body is an empty object. The content type is ignored, because
 * many tools send JSON under the type of forms.
 * @throws TidingsError `bad_request` saying what was expected, `too_large` beyond the limit
 */
export async function readJson(request: Request, maxBytes: number): Promise<JsonBody> {
  const bytes = await readBody(request, maxBytes);
  try {
    const text = UTF8.decode(bytes) || "{}";
    return { text, fields: asFields(JSON.parse(text)) };
  } catch (cause) {
    if (cause instanceof TidingsError) throw cause;
    throw unexpected(jsonProblem(cause), cause);
  }
}

/**
 * Reads a form in a request's body, urlencoded or multipart.
 * @throws TidingsError as {@link readJson}
 */
export async function readForm(request: Request, maxBytes: number): Promise<Fields> {
  const body = await readBody(request, maxBytes);
  const headers = { "content-type": request.headers.get("content-type") ?? "" };
  try {
    return Object.fromEntries(await new Response(body, { headers }).formData());
  } catch (cause) {
    throw unexpected("a form", cause);
  }
}

export const isForm = ({ headers }: Request): boolean =>
  /^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(headers.get("content-type") ?? "");

/** Refuses invalid UTF-8, as WebSockets do. */
const UTF8 = new TextDecoder("utf-8", { fatal: true });

function asFields(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unexpected("a JSON object");
  for (const field of Object.values(value)) assertDepth(field);
  return { ...value };
}

async function readBody(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const length = request.headers.get("content-length");
  if (Number(length) > maxBytes) throw tooLarge(maxBytes);
  try {
    // The HTTP parser never lets a body exceed its Content-Length.
    return length === null ? await collect(request, maxBytes) : new Uint8Array(await request.arrayBuffer());
  } catch (cause) {
    if (cause instanceof TidingsError) throw cause;
    throw unexpected("a complete body", cause);
  }
}

async function collect({ body }: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Cancelling the stream would cut the socket before the client has read the answer.
  for await (const chunk of body?.values({ preventCancel: true }) ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const unexpected = (expected: string, cause?: unknown): TidingsError =>
  new TidingsError("bad_request", `body: expected ${expected}`, { cause });

const tooLarge = (maxBytes: number): TidingsError =>
  new TidingsError("too_large", `body: expected at most ${maxBytes} bytes`);
