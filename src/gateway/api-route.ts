import type { Context } from "hono";
import { z } from "zod";
import { TidingsError } from "../protocol/protocol.ts";
import { type Fields, isForm, readForm, readJson } from "./api-body.ts";

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
  /** @param maxBytes how long a body may be */
  readonly answer: (context: Context, maxBytes: number) => Promise<Response>;
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
    async answer(context, maxBytes) {
      const fields = await readFields(context, source, maxBytes);
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

async function readFields({ req }: Context, source: Source, maxBytes: number): Promise<Fields> {
  if (source === "query") return req.query();
  return source === "form" && isForm(req.raw) ? readForm(req.raw, maxBytes) : readJson(req.raw, maxBytes);
}

/** @throws TidingsError `bad_request` listing every field that is not as expected */
function check(schema: z.ZodObject, fields: Fields): unknown {
  const result = schema.safeParse(fields);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => {
    const problem = message.replace(/^(Invalid input|Too small|Too big): /, "");
    return path.length === 0 ? problem : `${path.join(".")}: ${problem}`;
  });
  throw new TidingsError("bad_request", problems.join("; "));
}
