import type { OpenApi, OperationObject, Parameter, Schema } from "./document.ts";
import { isLong, laidOut, typeOf } from "./shape.ts";

/** A value that an operation takes. */
export interface Field {
  readonly name: string;
  /** `path`, `query`, `header` or `body` */
  readonly place: string;
  readonly isRequired: boolean;
  readonly schema: Schema;
  /** What it means, for humans. */
  readonly text: string;
}

/** A method of a path. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  /** As `/groups/{group}/members`. */
  readonly path: string;
  readonly summary: string;
  /** Name of the group in which it is shown. */
  readonly tag: string;
  /** Who may call it: `open`, `any key`, `user`, or the scope of a key. */
  readonly access: string;
  readonly fields: readonly Field[];
  /** Media types of the body; empty without one. */
  readonly takes: readonly string[];
  readonly answers: readonly { readonly status: string; readonly shape: string }[];
  /** The form without names in the path, as `POST /groups/members`, for names that a path cannot carry. */
  readonly withoutNames: string | undefined;
}

/** The ending of the operation that has no names in its path. */
const BY_FIELD = "ByField";

/** Lists the operations in the order of the document. */
export function operationsOf(document: OpenApi): Operation[] {
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      described(method.toUpperCase(), path, operation, document),
    ),
  );
  const byId = new Map(all.map((operation) => [operation.id, operation]));
  const isForm = ({ id }: Operation): boolean =>
    id.endsWith(BY_FIELD) && byId.has(id.slice(0, -BY_FIELD.length));
  return all
    .filter((operation) => !isForm(operation))
    .map((operation) => {
      const form = byId.get(operation.id + BY_FIELD);
      return form === undefined ? operation : { ...operation, withoutNames: `${form.method} ${form.path}` };
    });
}

function described(
  method: string,
  path: string,
  { operationId = `${method} ${path}`, summary, tags = [], ...operation }: OperationObject,
  document: OpenApi,
): Operation {
  const { parameters = [], requestBody, responses, security = document.security } = operation;
  const takes = Object.keys(requestBody?.content ?? {});
  // A route that takes JSON and forms has one schema for both.
  const body = requestBody?.content[takes[0] ?? ""]?.schema;
  return {
    ...{ id: operationId, method, path, summary, takes },
    tag: tags[0] ?? "other",
    access: accessOf(security),
    fields: [...parameters.map(fromParameter), ...fromBody(body)],
    answers: answersOf(responses),
    withoutNames: undefined,
  };
}

function accessOf(security: OperationObject["security"] = []): string {
  const [first] = security;
  if (first === undefined) return "open";
  if (first.user !== undefined) return "user";
  return Object.values(first)[0]?.[0] ?? "any key";
}

const fromParameter = ({ name, in: place, required = false, schema, description }: Parameter): Field => ({
  ...{ name, place, schema },
  isRequired: required,
  text: description ?? schema.description ?? "",
});

function fromBody({ properties = {}, required = [] }: Schema = {}): Field[] {
  return Object.entries(properties).map(([name, schema]) => ({
    ...{ name, schema },
    place: "body",
    isRequired: required.includes(name),
    text: schema.description ?? "",
  }));
}

/** Failures have one form everywhere, so they are left out. */
function answersOf(responses: OperationObject["responses"]): Operation["answers"] {
  return Object.entries(responses)
    .filter(([status]) => status !== "default")
    .map(([status, { content = {} }]) => {
      const [kind = "", body] = Object.entries(content)[0] ?? [];
      return { status, shape: kind === "application/json" ? laidOut(body?.schema ?? {}) : kind };
    });
}

/** Type of a field: in one line, or laid out where it is long. */
export const typeText = ({ schema }: Field): string => (isLong(schema) ? laidOut(schema) : typeOf(schema));
