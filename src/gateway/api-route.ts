import type { Context } from "hono";
import { z } from "zod";
import { TidingsError } from "../protocol/protocol.ts";

/** Where a route finds the fields that its path does not name. */
export type Source = "query" | "json" | "form";

/**
 * A route of the HTTP API, described once: the schemas check what comes in and become the OpenAPI document. This is
 * a table of our own and not `@hono/zod-openapi`, which wants every route's replies and errors spelled out per status
 * and media type, does not look at a body whose content type it does not know, and words its errors by itself.
 */
export interface Route {
  /** Names the operation for those who generate clients. */
  readonly name: string;
  readonly method: "get" | "post" | "delete";
  /** `:name` is a field that stands in the path. */
  readonly path: string;
  readonly summary: string;
  /** `open` routes need no API key. */
  readonly access: "key" | "open";
  readonly source: Source;
  /** The fields of path, query and body as one object. */
  readonly takes: z.ZodObject;
  /** The header `Idempotency-Key` is another way to write the field `key`. */
  readonly idempotent: boolean;
  readonly gives: z.ZodType;
  /** Those that come with what `gives` describes. Every other one is a failure. */
  readonly statuses: readonly number[];
  readonly mediaType: string;
  readonly answer: (context: Context) => Promise<Response>;
}

interface RouteSpec<Takes extends z.ZodObject, Gives extends z.ZodType>
  extends Pick<Route, "name" | "method" | "path" | "summary">,
    Partial<Pick<Route, "access" | "source" | "idempotent" | "statuses" | "mediaType">> {
  /** @default nothing */
  readonly takes?: Takes;
  readonly gives: Gives;
  /** Looks at the fields before the schema does, to refuse them in words of its own. */
  readonly precheck?: (fields: Fields) => void;
  /** The reply, which is sent as JSON with status 200, or a whole response. */
  readonly handle: (input: z.output<Takes>, context: Context) => Answer<z.input<Gives>>;
}

type Answer<Reply> = Frozen<Reply> | Response | Promise<Frozen<Reply> | Response>;

/** A reply may be made of what nobody is to change. */
type Frozen<Value> = Value extends object ? { readonly [Key in keyof Value]: Frozen<Value[Key]> } : Value;

export type Fields = Record<string, unknown>;

/** Makes a route whose handler is checked against its schemas. */
export function route<
  Takes extends z.ZodObject = z.ZodObject<Record<never, never>>,
  Gives extends z.ZodType = z.ZodType,
>(spec: RouteSpec<Takes, Gives>): Route {
  const { name, method, path, summary, gives, handle, precheck } = spec;
  const { access = "key", idempotent = false, statuses = [200], mediaType = "application/json" } = spec;
  const source = spec.source ?? (method === "post" ? "json" : "query");
  const takes: z.ZodObject = spec.takes ?? z.object({});
  return {
    ...{ name, method, path, summary, access, source, takes, idempotent, gives, statuses, mediaType },
    async answer(context) {
      const fields = await readFields(context, source);
      if (idempotent) fields.key ??= context.req.header("idempotency-key");
      precheck?.(fields);
      const input = check(takes, { ...fields, ...context.req.param() }) as z.output<Takes>; // `takes` is spec.takes
      const reply = await handle(input, context);
      return reply instanceof Response ? reply : Response.json(reply);
    },
  };
}

/** The same route under another path. */
export const alias = (original: Route, name: string, path: string): Route => ({ ...original, name, path });

async function readFields({ req }: Context, source: Source): Promise<Fields> {
  if (source === "query") return req.query();
  const type = req.header("content-type") ?? "";
  const isForm = /^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(type);
  if (source === "form" && isForm) return req.parseBody().catch(malformed("a form"));
  // The content type is not asked for: many tools send JSON under the one of forms.
  return parseObject(await req.text());
}

function parseObject(text: string): Fields {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return malformed("a JSON object")(cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return malformed("a JSON object")();
  return { ...value };
}

const malformed =
  (expected: string) =>
  (cause?: unknown): never => {
    throw new TidingsError("bad_request", `body: expected ${expected}`, { cause });
  };

/** @throws TidingsError `bad_request` listing every field that is not as expected */
function check(schema: z.ZodObject, fields: Fields): unknown {
  const result = schema.safeParse(fields);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => {
    const problem = message.replace(/^Invalid input: /, "");
    return path.length === 0 ? problem : `${path.join(".")}: ${problem}`;
  });
  throw new TidingsError("bad_request", problems.join("; "));
}
