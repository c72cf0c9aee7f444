import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type ReflectList, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { jsonProblem, rawElements, rawField, TidingsError } from "../../protocol/protocol.ts";

/** Ending of the names of fields that hold a JSON value as text. */
const JSON_ENDING = "_json";

const isJson = ({ name }: DescField): boolean => name.endsWith(JSON_ENDING);

/** Name of a field in the HTTP API. */
export const httpName = (field: DescField): string =>
  isJson(field) ? field.name.slice(0, -JSON_ENDING.length) : field.jsonName;

/**
 * Encodes a message as the JSON object that the HTTP API takes. Fields that are not set are left out. A `oneof` with the name `op`
 * becomes the field `op`, with the name of the case, and the fields of the case beside it.
 * @throws TidingsError `bad_request` for a field that holds no JSON
 */
export function jsonOf(message: ReflectMessage): string {
  return `{${fieldsOf(message).join(",")}}`;
}

/** The fields of a message, each as `"name":value`. */
function fieldsOf(message: ReflectMessage): string[] {
  return message.desc.fields.flatMap((field) => {
    if (!message.isSet(field)) return [];
    if (field.oneof === undefined) return [`${JSON.stringify(httpName(field))}:${textOf(message, field)}`];
    const kind = `${JSON.stringify(field.oneof.name)}:${JSON.stringify(field.name)}`;
    return [kind, ...fieldsOf(message.get(field) as ReflectMessage)]; // each case is a message
  });
}

/**
 * Encodes the value of a field as JSON.
 * @throws TidingsError as {@link jsonOf}
 */
export function textOf(message: ReflectMessage, field: DescField): string {
  const value = message.get(field);
  if (field.fieldKind !== "list") return valueText(field, value);
  return `[${[...(value as ReflectList)].map((item) => valueText(field, item)).join(",")}]`;
}

function valueText(field: DescField, value: unknown): string {
  if (field.message !== undefined) return jsonOf(value as ReflectMessage);
  if (isJson(field)) return checkedJson(field, String(value));
  if (typeof value === "number" && !(value > Number.NEGATIVE_INFINITY)) {
    throw new TidingsError("bad_request", `${field.name}: expected a number, got ${value}`);
  }
  // Infinity has no form in JSON and becomes null, which stands for "never".
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

function checkedJson({ name }: DescField, text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch (cause) {
    throw new TidingsError("bad_request", `${name}: expected ${jsonProblem(cause)}`, { cause });
  }
}

/** Returns the scalar fields of a message as a query. */
export function queryOf(message: ReflectMessage): URLSearchParams {
  const set = message.desc.fields.filter((field) => message.isSet(field));
  return new URLSearchParams(
    set.map((field): [string, string] => [httpName(field), String(message.get(field))]),
  );
}

/**
 * Makes a message of a JSON object of the HTTP API. Fields that hold JSON get it as it is written, with all digits of its
 * numbers.
 * @param value the parsed text
 */
export function messageFrom(desc: DescMessage, value: unknown, text: string): ReflectMessage {
  const message = reflect(desc);
  if (desc.oneofs.length > 0) return setCase(message, value, text);
  for (const field of desc.fields) {
    const name = httpName(field);
    const given = (value as Readonly<Record<string, unknown>>)[name];
    if (isJson(field)) message.set(field, rawField(text, name) ?? "");
    else if (given !== undefined && given !== null) setField(message, field, given, text);
  }
  return message;
}

function setField(message: ReflectMessage, field: DescField, given: unknown, text: string): void {
  const own = (): string => rawField(text, httpName(field)) ?? "{}";
  if (field.fieldKind === "list") {
    const items = given as readonly unknown[];
    const texts = field.message && holdsJson(field.message) ? rawElements(own()) : [];
    const list = message.get(field) as ReflectList;
    for (const [index, item] of items.entries()) list.add(valueFrom(field, item, texts[index] ?? "{}"));
  } else {
    const isHolder = field.message !== undefined && holdsJson(field.message);
    message.set(field, valueFrom(field, given, isHolder ? own() : "{}"));
  }
}

function valueFrom(field: DescField, given: unknown, text: string): unknown {
  if (field.message !== undefined) return messageFrom(field.message, given, text);
  return field.scalar === ScalarType.INT64 ? BigInt(Math.round(Number(given))) : given;
}

/** Cases of a result of a batch, by the field that only it has. The last one is all others. */
const RESULT_CASES: readonly (readonly [mark: string, name: string])[] = [
  ["error", "error"],
  ["state", "receipt"],
  ["connections", "command"],
];

function setCase(message: ReflectMessage, value: unknown, text: string): ReflectMessage {
  const given = value as Readonly<Record<string, unknown>>;
  const [mark = "", name] = RESULT_CASES.find(([mark]) => mark in given) ?? [];
  const field = message.desc.fields.find((each) => each.name === name);
  if (field === undefined) return message;
  message.set(field, valueFrom(field, mark === name ? given[mark] : given, text));
  return message;
}

/** True when a field of the message, or of one in it, holds JSON. */
const holdsJson = ({ fields }: DescMessage): boolean =>
  fields.some((field) => isJson(field) || (field.message !== undefined && holdsJson(field.message)));
