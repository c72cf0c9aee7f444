import type { Context } from "hono";
import { z } from "zod";
import { SCOPES } from "../../config/config.ts";
import { dataOf, MESSAGE_FIELDS, rawData, TidingsError, textOf } from "../../protocol/protocol.ts";
import { assertDecodable } from "../url.ts";
import type { Access } from "./access.ts";
import { type Fields, isForm, type JsonBody, readForm, readJson } from "./body.ts";

/** Place of the fields that are not in the path. */
export type Source = "query" | "json" | "form";

/**
 * A route of the HTTP API. Its schemas validate the input and make the OpenAPI document. We do not use
 * `@hono/zod-openapi`: it needs every reply and error per status and media type, it ignores bodies of unknown content
 * type, and its error texts are its own.
 */
export interface Route {
  /** Operation id, for generated clients. */
  readonly name: string;
  readonly method: "get" | "post" | "put" | "delete";
  /** `:name` is a field in the path. */
  readonly path: string;
  readonly summary: string;
  /** Group of operations in the OpenAPI document. */
  readonly tag?: string;
  readonly access: Access;
  readonly source: Source;
  /** Fields of path, query and body as one object. */
  readonly takes: z.ZodObject;
  /** True: the header `Idempotency-Key` may carry the field `key`. */
  readonly idempotent: boolean;
  /** True: the body may have other fields, which become `data`. */
  readonly isMessage: boolean;
  readonly gives: z.ZodType;
  /** Statuses of replies that `gives` describes. Every other status is a failure. */
  readonly statuses: readonly number[];
  readonly mediaType: string;
  /** Longest body, as a multiple of the longest message. */
  readonly bodyFactor: number;
  /** @param maxBytes limit on the body */
  readonly answer: (context: Context, maxBytes: number) => Promise<Response>;
}

interface RouteSpec<Takes extends z.ZodObject, Gives extends z.ZodType>
  extends Pick<Route, "name" | "method" | "path" | "summary" | "access">,
    Partial<Pick<Route, "source" | "idempotent" | "statuses" | "mediaType">> {
  /** Longest body, as a multiple of the longest message. @default 1 */
  readonly bodyFactor?: number;
  /** @default nothing */
  readonly takes?: Takes;
  readonly gives: Gives;
  /** True: the fields are those of a message, and without `data` the fields that the schema does not name become it. */
  readonly isMessage?: boolean;
  /** Checks the fields before the schema, to throw an error with its own text. */
  readonly precheck?: (fields: Fields) => void;
  /** Returns the reply, which is sent as JSON with status 200, or a complete response. */
  /**
   * @param written JSON body as it was written, with all digits of its numbers; for a message that of its data. Undefined without
   * a body in JSON
   */
  readonly handle: (input: z.output<Takes>, context: Context, written?: string) => Answer<z.input<Gives>>;
}

type Answer<Reply> = Frozen<Reply> | Response | Promise<Frozen<Reply> | Response>;

/** Accepts readonly values in a reply. */
type Frozen<Value> = Value extends object ? { readonly [Key in keyof Value]: Frozen<Value[Key]> } : Value;

const ACCESSES: ReadonlySet<string> = new Set<Access>(["open", "any", ...SCOPES]);

/**
 * Makes a route. The compiler checks its handler against its schemas, and that it states its access.
 * @throws TypeError without a known access, which code that is not compiled may omit
 */
export function route<
  Takes extends z.ZodObject = z.ZodObject<Record<never, never>>,
  Gives extends z.ZodType = z.ZodType,
>(spec: RouteSpec<Takes, Gives>): Route {
  const { name, method, path, summary, access, gives, handle, precheck } = spec;
  if (!ACCESSES.has(access)) throw new TypeError(`${name}: expected its access: ${[...ACCESSES].join(", ")}`);
  const { idempotent = false, isMessage = false, bodyFactor = 1 } = spec;
  const { statuses = [200], mediaType = "application/json" } = spec;
  const source = spec.source ?? (method === "post" || method === "put" ? "json" : "query");
  const takes: z.ZodObject = spec.takes ?? z.object({});
  const names = new Set(source === "form" ? Object.keys(takes.shape) : namesIn(path));
  const known = new Set([...MESSAGE_FIELDS, ...Object.keys(takes.shape)]);
  return {
    ...{ name, method, path, summary, access, source, takes, idempotent, isMessage },
    ...{ gives, statuses, mediaType, bodyFactor },
    async answer(context, maxBytes) {
      assertDecodable(context.req.raw.url);
      const { fields, text } = await readFields(context, source, maxBytes * bodyFactor);
      if (idempotent) fields.key ??= context.req.header("idempotency-key");
      const given: Fields = { ...pick(context.req.query(), names), ...fields, ...context.req.param() };
      if (isMessage) given.data = dataOf(given, known);
      precheck?.(given);
      const input = check(takes, given) as z.output<Takes>; // `takes` is spec.takes
      const written = isMessage && text !== undefined ? rawData(text, known) : text;
      const reply = await handle(input, context, written);
      return reply instanceof Response ? reply : jsonResponse(reply);
    },
  };
}

/** Puts routes into a group of the OpenAPI document. */
export const tagged = (tag: string, routes: readonly Route[]): Route[] =>
  routes.map((each) => ({ ...each, tag }));

/** Makes a copy of a route at another path. */
export const alias = (original: Route, name: string, path: string): Route => ({ ...original, name, path });

/**
 * Makes the form of a route without the names in its path, which takes them from the query or the body. A path cannot
 * carry the names `.` and `..`: clients and servers resolve them (RFC 3986 section 5.2.4), however they are escaped.
 * @returns nothing for a path without names
 */
export function withoutNames(original: Route): Route[] {
  if (namesIn(original.path).length === 0) return [];
  const { name, path, summary } = original;
  const place = original.source === "query" ? "the query" : "body or query";
  return [
    {
      ...original,
      name: `${name}ByField`,
      path: path.replace(/\/:\w+/g, ""),
      summary: `${summary} (for any name: it is in ${place})`,
    },
  ];
}

const namesIn = (path: string): string[] => [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);

function pick(fields: Fields, names: ReadonlySet<string>): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.has(name)));
}

/** A page of history has a text of its own. */
function jsonResponse(reply: unknown): Response {
  const text = textOf(reply);
  return text === undefined
    ? Response.json(reply)
    : new Response(text, { headers: { "content-type": "application/json" } });
}

async function readFields(
  { req }: Context,
  source: Source,
  maxBytes: number,
): Promise<Partial<JsonBody> & { fields: Fields }> {
  if (source === "query") return { fields: req.query() };
  if (source === "form" && isForm(req.raw)) return { fields: await readForm(req.raw, maxBytes) };
  return readJson(req.raw, maxBytes);
}

/** @throws TidingsError `bad_request` listing every invalid field */
function check(schema: z.ZodObject, fields: Fields): unknown {
  const result = schema.safeParse(fields);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => {
    const problem = message.replace(/^(Invalid input|Too small|Too big): /, "");
    return path.length === 0 ? problem : `${path.join(".")}: ${problem}`;
  });
  throw new TidingsError("bad_request", problems.join("; "));
}
