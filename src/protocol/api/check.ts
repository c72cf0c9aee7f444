import { badRequest } from "../errors.ts";
import type { Checked, StandardSchema } from "./standard-schema.ts";

export const isSchema = (value: unknown): value is StandardSchema =>
  // Schemas of some libraries are functions.
  typeof (value as StandardSchema | undefined)?.["~standard"]?.validate === "function";

/**
 * Checks data that came as JSON. JSON has no `undefined`: a schema that refuses `null` gets `undefined` for it.
 * @param at text before the paths of problems
 * @returns the schema's output; a promise only when the schema is asynchronous
 * @throws TidingsError `bad_request` with the problems that the schema found
 */
export function checkData(schema: StandardSchema, data: unknown, at = ""): unknown {
  const result = schema["~standard"].validate(data);
  if (result instanceof Promise) return result.then((known) => accepted(schema, known, data, at));
  return accepted(schema, result, data, at);
}

function accepted(schema: StandardSchema, result: Checked<unknown>, data: unknown, at: string): unknown {
  if (result.issues === undefined || data !== null) return acceptedValue(result, at);
  const second = schema["~standard"].validate(undefined);
  // The problem of null names the expected value, as that of undefined does.
  const resultOf = (known: Checked<unknown>): unknown =>
    acceptedValue(known.issues === undefined ? known : result, at);
  return second instanceof Promise ? second.then(resultOf) : resultOf(second);
}

/** @throws TidingsError `bad_request` with the problems that the schema found */
export function acceptedValue<Value>(result: Checked<Value>, at = ""): Value {
  if (result.issues === undefined) return result.value;
  const problems = result.issues.map(({ path = [], message }) => {
    const parts = path.map((part) => String(typeof part === "object" ? part.key : part));
    const place = at === "" ? parts : [at, ...parts];
    return place.length === 0 ? message : `${place.join(".")}: ${message}`;
  });
  throw badRequest(problems.join("; "));
}
