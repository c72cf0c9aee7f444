/** Writes docs/HTTP-API.md from the description that a hub gives of its HTTP API. */

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly additionalProperties?: Schema | boolean;
  readonly $ref?: string;
}

interface Body {
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Operation {
  readonly summary: string;
  readonly security?: readonly { readonly apiKey?: readonly string[] }[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: Schema;
    readonly description?: string;
  }[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Partial<Body> & { readonly description?: string }>>;
}

/** The used part of an OpenAPI document. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const INTRODUCTION = `# HTTP API

Backends in any language send, read and administrate over HTTP. This page is made from the description that each server gives at
\`/openapi.json\`; generators of clients take that one.

Present an API key as \`X-API-Key\` or \`Authorization: Bearer\`. Its scope is \`publish\`, \`read\` or \`admin\`, which may do everything
([OPERATIONS.md](OPERATIONS.md#the-http-api)). A failure is \`{"error":{"code","message"}}\`, with the
[codes of the protocol](PROTOCOL.md#errors-the-connection-stays). Inside an application the API is where you mount it:
[EMBEDDING.md](EMBEDDING.md#the-http-api-under-a-prefix).

\`\`\`sh
curl http://127.0.0.1:8080/ws/message -H "x-api-key: $API_KEY" -H 'content-type: application/json' \\
  -d '{"to":"alice","type":"shipped","data":{"order":7}}'
\`\`\`
`;

export function httpApiPage({ paths }: OpenApi): string {
  const sections = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      section(`${method.toUpperCase()} ${path}`, operation),
    ),
  );
  return `${[INTRODUCTION, ...sections].join("\n").trimEnd()}\n`;
}

function section(
  title: string,
  { summary, security, parameters = [], requestBody, responses }: Operation,
): string {
  const scope = security?.[0]?.apiKey?.[0];
  const access =
    security?.length === 0 ? "No key is needed." : scope ? `Scope: \`${scope}\`.` : "A key of any scope.";
  const rows = parameters.map((parameter) => {
    const { name, required, schema, description } = parameter;
    return row(name, parameter.in, required === true, {
      ...schema,
      description: description ?? schema.description,
    });
  });
  const bodies = Object.entries(requestBody?.content ?? {});
  // A route that takes JSON and forms has one schema for both.
  const [, body] = bodies[0] ?? [];
  const kinds = bodies.map(([kind]) => `\`${kind}\``).join(" or ");
  const fields = body === undefined ? [] : fieldsOf(body.schema);
  const input = [...rows, ...fields];
  const lines = [`## ${title}`, "", `${summary}. ${access}${kinds === "" ? "" : ` The body is ${kinds}.`}`];
  if (input.length > 0)
    lines.push("", "| field | in | type | meaning |", "| --- | --- | --- | --- |", ...input);
  for (const [name, schema] of Object.entries(body?.schema.properties ?? {}))
    if (isLong(schema)) lines.push("", `Shape of \`${name}\`:`, "", "```txt", laidOut(schema), "```");
  lines.push("", answersOf(responses).join("\n\n"), "");
  return lines.join("\n");
}

function answersOf(responses: Operation["responses"]): string[] {
  return Object.entries(responses)
    .filter(([status]) => status !== "default")
    .map(([status, { content = {} }]) => {
      const [kind = "", body] = Object.entries(content)[0] ?? [];
      const shape = kind === "application/json" ? laidOut(body?.schema ?? {}) : kind;
      const isBlock = shape.includes("\n");
      return `Answers ${status}:${isBlock ? `\n\n\`\`\`txt\n${shape}\n\`\`\`` : ` \`${shape}\``}`;
    });
}

/** Longest line of a shape; a longer one has a line for each field. */
const MAX_WIDTH = 100;

/** Choices of a schema, and of the choices among them. */
const choicesOf = ({ anyOf, oneOf }: Schema): Schema[] | undefined =>
  (anyOf ?? oneOf)?.flatMap((choice) => choicesOf(choice) ?? [choice]);

/** A schema in the words of TypeScript, on several lines where it is long. */
function laidOut(schema: Schema, indent = ""): string {
  const line = typeOf(schema);
  if (indent.length + line.length <= MAX_WIDTH) return line;
  const { properties, items, required = [] } = schema;
  const choices = choicesOf(schema);
  if (items !== undefined) return `${wrapped(laidOut(items, indent))}[]`;
  if (choices !== undefined) {
    const each = [...new Set(choices.map((choice) => laidOut(choice, indent)))];
    const isShort = !each.some((text) => text.includes("\n"));
    return isShort ? each.join(" | ") : `\n${each.map((text) => `${indent}| ${text}`).join("\n")}\n${indent}`;
  }
  if (properties === undefined) return line;
  const deeper = `${indent}  `;
  const fields = Object.entries(properties).map(
    ([name, each]) => `${deeper}${name}${required.includes(name) ? "" : "?"}: ${laidOut(each, deeper)},`,
  );
  return ["{", ...fields, `${indent}}`].join("\n");
}

function fieldsOf(schema: Schema): string[] {
  if (schema.properties === undefined) return [row("", "body", true, schema)];
  const { required = [] } = schema;
  return Object.entries(schema.properties).map(([name, each]) =>
    row(name, "body", required.includes(name), each),
  );
}

function row(name: string, where: string, isRequired: boolean, schema: Schema): string {
  const shown = name === "" ? "" : code(name);
  const facts = [
    schema.description ?? "",
    schema.default === undefined ? "" : `Default ${code(JSON.stringify(schema.default))}`,
  ];
  const shape = isLong(schema) ? "see below" : code(typeOf(schema));
  const type = `${shape}${isRequired ? ", required" : ""}`;
  return `| ${shown} | ${where} | ${type} | ${facts.filter((fact) => fact !== "").join(". ")} |`;
}

/** A long shape stands below the table. */
const isLong = (schema: Schema): boolean => typeOf(schema).length > MAX_WIDTH;

/** A schema in the words of TypeScript. */
function typeOf(schema: Schema): string {
  const { properties, items, required = [], additionalProperties, type } = schema;
  const choices = schema.anyOf ?? schema.oneOf;
  if (schema.$ref !== undefined) return schema.$ref.split("/").at(-1) ?? "";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (choices !== undefined) return [...new Set(choices.map(typeOf))].join(" | ");
  if (items !== undefined) return `${wrapped(typeOf(items))}[]`;
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(
      ([name, each]) => `${name}${required.includes(name) ? "" : "?"}: ${typeOf(each)}`,
    );
    return `{ ${fields.join(", ")} }`;
  }
  if (typeof additionalProperties === "object") return `{ [name]: ${typeOf(additionalProperties)} }`;
  if (type === undefined) return "any JSON";
  return typeof type === "string" ? type : type.join(" | ");
}

const wrapped = (text: string): string => (text.includes("| ") ? `(${text})` : text);

/** Text as code in a cell of a table. */
const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``;
