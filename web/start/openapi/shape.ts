import type { Schema } from "./document.ts";

/** Longest line of a shape; a longer one has a line for each field. */
const MAX_WIDTH = 100;

/** Choices of a schema, and of the choices among them. */
const choicesOf = ({ anyOf, oneOf }: Schema): Schema[] | undefined =>
  (anyOf ?? oneOf)?.flatMap((choice) => choicesOf(choice) ?? [choice]);

/** A schema in the words of TypeScript, on several lines where it is long. */
export function laidOut(schema: Schema, indent = ""): string {
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

/** A schema in the words of TypeScript. */
export function typeOf(schema: Schema): string {
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

/** Tells whether a shape needs more than a line. */
export const isLong = (schema: Schema): boolean => typeOf(schema).length > MAX_WIDTH;
