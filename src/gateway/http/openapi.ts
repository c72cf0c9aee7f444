import { STATUS_CODES } from "node:http";
import { z } from "zod";
import type { Access } from "./access.ts";
import type { Endpoint } from "./endpoints.ts";
import type { ApiPorts } from "./ports.ts";
import { type Route, route } from "./route.ts";
import { failure } from "./schemas.ts";

type Schema = Record<string, unknown>;

/** Makes the route `/openapi.json`, which describes the given routes and itself. */
export function openApiRoute(routes: readonly Route[], { apiKeys, development, endpoints }: ApiPorts): Route {
  const bare = route({
    name: "openapi",
    method: "get",
    path: "/openapi.json",
    summary: "This document",
    access: development ? "open" : "any",
    gives: z.object({ openapi: z.string() }).loose(),
    handle: () => new Response(document(), { headers: { "content-type": "application/json" } }),
  });
  const own: Route = { ...bare, tag: "administration" };
  const needsKey = apiKeys !== undefined || !development;
  let known = { size: -1, text: Buffer.from("") };
  // Serialised anew only when an endpoint was added: for each request it would be 30 KB of work and memory.
  const document = (): Uint8Array<ArrayBuffer> => {
    const { size = 0, list = [] } = endpoints ?? {};
    if (known.size !== size)
      known = { size, text: Buffer.from(JSON.stringify(describe([...routes, own], list, needsKey))) };
    return known.text;
  };
  return own;
}

/** Makes the OpenAPI 3.1 document of routes (https://spec.openapis.org/oas/v3.1.0). */
function describe(routes: readonly Route[], endpoints: readonly Endpoint[], needsKey: boolean): Schema {
  const paths: Record<string, Schema> = {};
  for (const each of routes) {
    const path = each.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [each.method]: operation(each, needsKey) };
  }
  for (const each of endpoints) paths[each.path] = { ...paths[each.path], post: endpointOperation(each) };
  return {
    openapi: "3.1.0",
    info: {
      title: "Tidings",
      version: "1",
      description: "The HTTP API of a Tidings hub. docs/PROTOCOL.md describes what goes over the WebSocket.",
    },
    security: needsKey ? [{ apiKey: [] }, { bearer: [] }] : [],
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: "apiKey", in: "header", name: "X-API-Key", description: SCOPES_TEXT },
        bearer: { type: "http", scheme: "bearer", description: SCOPES_TEXT },
        ...(endpoints.length > 0 ? { user: USER_SCHEME } : {}),
      },
      schemas: { Failure: jsonSchema(failure) },
    },
  };
}

const SCOPES_TEXT =
  "A key has one scope: `publish`, `read`, or `admin`, which allows everything. The scope that an operation needs stands " +
  "in its `security`; a key of another scope gets 403.";

const USER_SCHEME = { type: "http", scheme: "bearer", description: "The token of a user, as for a login." };

/** Describes an endpoint of the application. */
function endpointOperation({
  name,
  path,
  summary,
  access,
  describes: { takes, gives } = {},
}: Endpoint): Schema {
  const [, first] = path.split("/");
  return {
    operationId: name,
    tags: [first],
    summary,
    security: access === "user" ? [{ user: [] }] : [],
    requestBody: { required: true, content: { "application/json": { schema: takes ?? { type: "object" } } } },
    responses: {
      200: { description: STATUS_CODES[200], content: { "application/json": { schema: gives ?? {} } } },
      default: FAILURE,
    },
  };
}

const FAILURE = {
  description: "A failure",
  content: { "application/json": { schema: { $ref: "#/components/schemas/Failure" } } },
};

/** Security requirement of an operation, in the words of OpenAPI 3.1: schemes other than OAuth list the required roles. */
function securityOf(access: Access, needsKey: boolean): Schema {
  if (access === "open") return { security: [] };
  if (access === "any" || !needsKey) return {};
  return { security: [{ apiKey: [access] }, { bearer: [access] }] };
}

function operation(
  { name, summary, tag, access, gives, statuses, mediaType, ...asked }: Route,
  needsKey: boolean,
): Schema {
  const content = { [mediaType]: { schema: jsonSchema(gives) } };
  const answers = statuses.map((status) => [status, { description: STATUS_CODES[status], content }]);
  return {
    operationId: name,
    ...(tag === undefined ? {} : { tags: [tag] }),
    summary,
    ...securityOf(access, needsKey),
    ...request(asked),
    responses: {
      ...Object.fromEntries(answers),
      default: FAILURE,
    },
  };
}

/** Describes the fields that a route takes, in path, header, query and body. */
function request({
  path,
  source,
  idempotent,
  isMessage,
  takes,
}: Pick<Route, "path" | "source" | "idempotent" | "isMessage" | "takes">): Schema {
  const { properties = {}, required = [] } = jsonSchema(takes) as {
    properties?: Schema;
    required?: string[];
  }; // `takes` is an object
  const names = Object.keys(properties);
  const inPath = names.filter((name) => path.split("/").includes(`:${name}`));
  const others = names.filter((name) => !inPath.includes(name));
  const parameter = (place: string) => (name: string) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: properties[name],
  });
  const parameters: Schema[] = inPath.map(parameter("path"));
  if (source === "query") parameters.push(...others.map(parameter("query")));
  if (idempotent) parameters.push({ name: "Idempotency-Key", in: "header", schema: properties.key });
  if (source === "query" || others.length === 0) return { parameters };
  const needed = required.filter((name) => others.includes(name));
  const body = {
    type: "object",
    properties: Object.fromEntries(others.map((name) => [name, properties[name]])),
    ...(needed.length > 0 ? { required: needed } : {}),
    ...(isMessage ? { additionalProperties: { description: GATHERED_TEXT } } : {}),
  };
  const content = Object.fromEntries(MEDIA_TYPES[source].map((mediaType) => [mediaType, { schema: body }]));
  return { parameters, requestBody: { required: needed.length > 0, content } };
}

const GATHERED_TEXT = "Without `data`, other fields become it. Beside `data` they are refused.";

const MEDIA_TYPES = {
  json: ["application/json"],
  form: ["application/x-www-form-urlencoded", "multipart/form-data", "application/json"],
} as const;

/** Converts a schema by its input, for replies too: they are sent as handlers return them, without parsing. */
function jsonSchema(schema: z.ZodType): Schema {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => dropSafeBounds(jsonSchema),
  });
  return rest;
}

/** Removes the bounds of safe integers, which zod adds to every whole number. */
function dropSafeBounds(schema: { minimum?: number; maximum?: number }): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}
