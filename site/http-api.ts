/** Writes docs/HTTP-API.md from the description that a hub gives of its HTTP API. */

import {
  isLong,
  laidOut,
  type OpenApi,
  type OperationObject,
  type Schema,
  typeOf,
} from "../web/start/openapi/openapi.ts";

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
  { summary, security, parameters = [], requestBody, responses }: OperationObject,
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

function answersOf(responses: OperationObject["responses"]): string[] {
  return Object.entries(responses)
    .filter(([status]) => status !== "default")
    .map(([status, { content = {} }]) => {
      const [kind = "", body] = Object.entries(content)[0] ?? [];
      const shape = kind === "application/json" ? laidOut(body?.schema ?? {}) : kind;
      const isBlock = shape.includes("\n");
      return `Answers ${status}:${isBlock ? `\n\n\`\`\`txt\n${shape}\n\`\`\`` : ` \`${shape}\``}`;
    });
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

/** Text as code in a cell of a table. */
const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``;

export type { OpenApi } from "../web/start/openapi/openapi.ts";
