import type { ActionSchemas, ApiDeclaration } from "./declaration.ts";
import type { InputOf, OutputOf, StandardSchema } from "./standard-schema.ts";

/** A value as JSON brings it: an object with `toJSON`, such as a Date, arrives as the result of that. */
export type JsonOf<Value> = Value extends string | number | boolean | null | undefined
  ? Value
  : Value extends { toJSON(): infer Json }
    ? Json
    : Value extends object
      ? { [Key in keyof Value]: JsonOf<Value[Key]> }
      : Value;

/** Data of messages as they are sent, by type. @typeParam Declared an API, or an interface that maps types to data */
export type SentEvents<Declared> =
  Declared extends ApiDeclaration<infer Events>
    ? { [Type in keyof Events]: InputOf<Events[Type]> }
    : Declared;

/** Data of messages as they arrive, by type. */
export type ReceivedEvents<Declared> =
  Declared extends ApiDeclaration<infer Events>
    ? { [Type in keyof Events]: JsonOf<OutputOf<Events[Type]>> }
    : Declared;

type ActionsOf<Declared> = Declared extends ApiDeclaration ? Declared["actions"] : Record<never, never>;

/** Names of the declared actions. Without an API there is none. */
export type ActionName<Declared> = keyof ActionsOf<Declared> & string;

/** Any name without an API. With an API every action is declared, and there is no other name. */
export type UndeclaredName<Declared> = Declared extends ApiDeclaration ? never : string;

type SchemaOf<Declared, Name, Part extends keyof ActionSchemas> = Name extends keyof ActionsOf<Declared>
  ? ActionsOf<Declared>[Name] extends { readonly [_ in Part]: infer Schema extends StandardSchema }
    ? Schema
    : undefined
  : undefined;

type InputOr<Schema, None> = Schema extends StandardSchema ? InputOf<Schema> : None;
type OutputOr<Schema, None> = Schema extends StandardSchema ? OutputOf<Schema> : None;

/** Data of a request. */
export type RequestInput<Declared, Name> = InputOr<SchemaOf<Declared, Name, "input">, undefined>;

/** Data of a request as the handler gets it. */
export type HandlerInput<Declared, Name> = OutputOr<SchemaOf<Declared, Name, "input">, undefined>;

/** Result of a handler. */
export type HandlerResult<Declared, Name> = InputOr<SchemaOf<Declared, Name, "reply">, unknown>;

/** Reply to a request, as it arrives. */
export type ReplyOf<Declared, Name> = JsonOf<OutputOr<SchemaOf<Declared, Name, "reply">, unknown>>;
