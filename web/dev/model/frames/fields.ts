import { channelOf } from "../../../../src/protocol/protocol.ts";

/** Fields of a frame, whose values may have any type. */
export type Fields = Readonly<Record<string, unknown>>;

/** Parses a frame. @returns no fields for a text that is not a JSON object */
export function fieldsOf(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const textAt = (fields: Fields, name: string): string | undefined => {
  const value = fields[name];
  return typeof value === "string" ? value : undefined;
};

export const numberAt = (fields: Fields, name: string): number | undefined => {
  const value = fields[name];
  return typeof value === "number" ? value : undefined;
};

export const fieldsAt = (fields: Fields, name: string): Fields => {
  const value = fields[name];
  return isFields(value) ? value : {};
};

/** Channel of a message, by its receiver. */
export const channelOfMessage = (fields: Fields): string =>
  channelOf({ to: textAt(fields, "to"), group: textAt(fields, "group") });

/** Channel that a request or frame names, by its channel or its group. */
export function namedChannel(fields: Fields): string | undefined {
  const group = textAt(fields, "group");
  return textAt(fields, "channel") ?? (group === undefined ? undefined : `group:${group}`);
}
