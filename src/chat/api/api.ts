import type { ApiDeclaration, StandardSchema } from "../../protocol/protocol.ts";
import type { ChatActions } from "./actions.ts";
import type { ChatEvents } from "./events.ts";

/**
 * Types of the chat's messages and requests, for clients: `connect<ChatApi>(url)`, and `connect<typeof api & ChatApi>(url)` beside an `api`
 * of the application. The server needs no more than `createChat`.
 */
export type ChatApi = ApiDeclaration<
  { readonly [Type in keyof ChatEvents]: StandardSchema<ChatEvents[Type]> },
  {
    readonly [Name in keyof ChatActions]: {
      readonly input: StandardSchema<ChatActions[Name]["input"]>;
      readonly reply: StandardSchema<ChatActions[Name]["reply"]>;
    };
  }
>;

export type { ChatActions, ChatMessage, ChatPerson } from "./actions.ts";
export { type ChatEvents, chatEvents } from "./events.ts";
