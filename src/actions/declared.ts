import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type ApiDeclaration, checkData, RESERVED_TYPES, TidingsError } from "../protocol/protocol.ts";
import type { ActionHandler, Router } from "./router.ts";

/** Messages and requests that a hub takes: those of the application's `api`, and those of parts that bring their own. */
export class Declaration implements ApiDeclaration {
  events: ApiDeclaration["events"];
  actions: ApiDeclaration["actions"];

  constructor({ events, actions }: ApiDeclaration) {
    this.events = events;
    this.actions = actions;
  }

  /** @throws TidingsError `conflict` for a type or an action that is declared already */
  extend({ events, actions }: ApiDeclaration): void {
    assertNew("type", this.events, events);
    assertNew("action", this.actions, actions);
    this.events = { ...this.events, ...events };
    this.actions = { ...this.actions, ...actions };
  }
}

function assertNew(kind: string, known: object, added: object): void {
  const name = Object.keys(added).find((each) => Object.hasOwn(known, each));
  if (name === undefined) return;
  throw new TidingsError("conflict", `${kind}: ${JSON.stringify(name)} is declared in the api already`);
}

/**
 * Registers the handler of an action that is declared.
 * @throws TidingsError `bad_request` for another action, and for another schema beside the declared one
 */
export function declaredAction(
  router: Router,
  { actions }: ApiDeclaration,
  ...[name, ...given]: readonly [name: string, ...unknown[]]
): void {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) throw undeclared("action", name, Object.keys(actions));
  const isOwn = action.input !== undefined && given[0] === action.input;
  if (given.length > 1 && !isOwn)
    throw new TidingsError("bad_request", `action ${name}: expected no schema, because the api declares it`);
  const handler = given.at(-1) as ActionHandler<unknown>; // the router checks it
  const { input = NO_DATA, reply } = action;
  if (reply === undefined || typeof handler !== "function") router.action(name, input, handler);
  else router.action(name, input, (context, data) => replyOf(name, reply, handler(context, data)));
}

/** Checks the result of a handler. One that is not as declared is a failure of the application, and no fault of the client. */
function replyOf(name: string, schema: StandardSchemaV1, result: unknown): unknown {
  if (result instanceof Promise) return result.then((value) => replyOf(name, schema, value));
  const failed = (cause: unknown): never => {
    throw new Error(`action ${name}: the handler's result is not the declared reply: ${String(cause)}`, {
      cause,
    });
  };
  try {
    const reply = checkData(schema, result);
    return reply instanceof Promise ? reply.catch(failed) : reply;
  } catch (thrown) {
    return failed(thrown);
  }
}

/** Input of an action without a schema. A schema of its own, so that data for it is an error that says so. */
const NO_DATA: StandardSchemaV1 = {
  "~standard": {
    version: 1,
    vendor: "tidings",
    validate: (value) =>
      value === undefined || value === null
        ? { value: undefined }
        : { issues: [{ message: "expected no data" }] },
  },
};

/**
 * Checks the data of messages against their declaration.
 * @returns a function that returns the schema's output, or a promise of it when the schema is asynchronous. It throws
 * TidingsError `bad_request` for a type that is not declared, and for data that does not meet its schema
 */
export const messageCheck =
  (declared: Pick<ApiDeclaration, "events">): ((type: string, data: unknown) => unknown) =>
  (type, data) => {
    // The protocol's own names have an error of their own.
    if (RESERVED_TYPES.has(type)) return data;
    const { events } = declared; // parts may have added theirs
    const schema = Object.hasOwn(events, type) ? events[type] : undefined;
    if (schema === undefined) throw undeclared("type", type, Object.keys(events));
    return checkData(schema, data ?? null, "data");
  };

/** Most names that an error lists. */
const MOST_NAMES = 10;

function undeclared(kind: string, name: string, declared: readonly string[]): TidingsError {
  const names = declared.slice(0, MOST_NAMES).join(", ");
  const list = declared.length > MOST_NAMES ? `${names}, …` : names;
  const expected = list === "" ? "none is declared" : `expected one of ${list}`;
  const shown = JSON.stringify(String(name).slice(0, 64).toWellFormed());
  return new TidingsError("bad_request", `${kind}: ${shown} is not declared in the api, ${expected}`);
}
