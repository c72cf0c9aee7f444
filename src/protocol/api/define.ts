import { assertType } from "../decode.ts";
import { badRequest } from "../errors.ts";
import { ACTION_RULE, isActionName } from "../names.ts";
import { isSchema } from "./check.ts";
import type { ActionSchemas, ApiDeclaration, EventSchemas } from "./declaration.ts";

/**
 * Declares the messages and requests of an application once, with any Standard Schema (zod, valibot, arktype, …). The server
 * checks what comes against it: `createHub({ api })`. The compiler checks both ends: `connect<typeof api>(url)`.
 *
 * @example
 * export const api = defineApi({
 *   events: { shipped: z.object({ order: z.int() }) },
 *   actions: { "order.ship": { input: z.object({ order: z.int() }), reply: z.object({ at: z.number() }) } },
 * });
 *
 * @throws TidingsError `bad_request` for a name that a message or an action cannot have, and for a value that is no schema
 */
export function defineApi<
  const Events extends EventSchemas = Record<never, never>,
  const Actions extends Readonly<Record<string, ActionSchemas>> = Record<never, never>,
>(declared: {
  readonly events?: Events | undefined;
  readonly actions?: Actions | undefined;
}): ApiDeclaration<Events, Actions> {
  assertFields("defineApi", declared, ["events", "actions"]);
  // Without a declaration of events the type is an object without keys.
  const { events = {} as Events, actions = {} as Actions } = declared;
  assertFields("events", events);
  for (const [type, schema] of Object.entries(events)) {
    assertType(type);
    assertSchema(`events.${type}`, schema);
  }
  assertFields("actions", actions);
  for (const [name, action] of Object.entries(actions)) assertAction(name, action);
  return { events, actions };
}

function assertAction(name: string, action: ActionSchemas): void {
  if (!isActionName(name)) throw badRequest(`actions: ${JSON.stringify(name)}: expected ${ACTION_RULE}`);
  if (isSchema(action)) throw badRequest(`actions: ${name}: expected { input: schema }, got a schema`);
  assertFields(`actions: ${name}`, action, ["input", "reply"]);
  for (const part of ["input", "reply"] as const) {
    if (action[part] !== undefined) assertSchema(`actions: ${name}.${part}`, action[part]);
  }
}

function assertSchema(where: string, schema: unknown): void {
  if (!isSchema(schema)) throw badRequest(`${where}: expected a Standard Schema, such as z.object({…})`);
}

/** @param names the fields that the object may have. @default any */
function assertFields(where: string, value: unknown, names?: readonly string[]): void {
  if (typeof value !== "object" || value === null) throw badRequest(`${where}: expected an object`);
  const unknown = names && Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw badRequest(`${where}: expected only ${names?.join(" and ")}, got ${JSON.stringify(unknown)}`);
}
