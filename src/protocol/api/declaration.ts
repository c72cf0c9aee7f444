import type { StandardSchema } from "./standard-schema.ts";

/** Schemas of the data of messages, by type. */
export type EventSchemas = Readonly<Record<string, StandardSchema>>;

/** Schemas of one action. */
export interface ActionSchemas {
  /** Data of the request. @default the action takes no data */
  readonly input?: StandardSchema | undefined;
  /** Result of the handler, which is the reply. @default any result */
  readonly reply?: StandardSchema | undefined;
}

/** A declaration of an application's messages and requests, made by {@link defineApi}. */
export interface ApiDeclaration<
  Events extends EventSchemas = EventSchemas,
  Actions extends Readonly<Record<string, ActionSchemas>> = Readonly<Record<string, ActionSchemas>>,
> {
  readonly events: Events;
  readonly actions: Actions;
}
