import type { Schema } from "./document.ts";
import type { Field, Operation } from "./operations.ts";

/** Values of examples, by the name of the field. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  channel: "group:team",
  data: { text: "Hello" },
  group: "team",
  message: "Hello",
  password: "correct horse battery",
  to: "alice",
  type: "chat",
  uid: "alice",
  user: "alice",
};

/** Fields of query and body that an example has although they may be left out. */
const SHOWN: ReadonlySet<string> = new Set(["query user", "body to", "body data"]);

/** A call of an operation. */
export interface Example {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** JSON of the body; undefined without one. */
  readonly body: string | undefined;
}

/** Makes an example: what the operation requires, and what a reader expects to see. */
export function exampleOf({ method, path, fields, takes }: Operation): Example {
  const isChosen = ({ isRequired, name, place }: Field): boolean =>
    isRequired || SHOWN.has(`${place} ${name}`);
  const valuesIn = (place: string): [string, unknown][] =>
    fields
      .filter((field) => field.place === place && isChosen(field))
      .map(({ name, schema }) => [name, sample(name, schema)]);
  const inPath = Object.fromEntries(valuesIn("path"));
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(inPath[name])));
  const query = new URLSearchParams(
    valuesIn("query").map(([name, value]): [string, string] => [name, String(value)]),
  );
  const target = query.size > 0 ? `${filled}?${query}` : filled;
  const body = takes.length > 0 ? JSON.stringify(Object.fromEntries(valuesIn("body"))) : undefined;
  return { method, target, body };
}

/**
 * Makes an example for a shell. The key is a variable of the shell: no secret stands in the text.
 * @param base address of the hub without a slash at its end
 */
export function curlOf(operation: Operation, base: string): string {
  const { method, target, body } = exampleOf(operation);
  const address = base + target;
  const parts = [`curl ${/[?&]/.test(address) ? quoted(address) : address}`];
  if (method !== (body === undefined ? "GET" : "POST")) parts.push(`-X ${method}`);
  if (operation.access === "user") parts.push(`-H "authorization: Bearer $TOKEN"`);
  else if (operation.access !== "open") parts.push(`-H "x-api-key: $API_KEY"`);
  if (body !== undefined) parts.push("-H 'content-type: application/json'", `-d ${quoted(body)}`);
  return parts.join(" \\\n  ");
}

/** A text as one word of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function sample(name: string, schema: Schema): unknown {
  const { enum: [choice] = [], type, items, properties, required = [], minimum } = schema;
  const [first] = schema.anyOf ?? schema.oneOf ?? [];
  if (schema.const !== undefined) return schema.const;
  if (choice !== undefined) return choice;
  if (Object.hasOwn(SAMPLES, name)) return SAMPLES[name];
  if (schema.default !== undefined) return schema.default;
  if (first !== undefined) return sample(name, first);
  if (type === "array") return [sample(name.replace(/s$/, ""), items ?? {})];
  if (type === "object")
    return Object.fromEntries(required.map((each) => [each, sample(each, properties?.[each] ?? {})]));
  if (type === "integer" || type === "number") return Math.max(1, minimum ?? 1);
  if (type === "boolean") return true;
  return name;
}
