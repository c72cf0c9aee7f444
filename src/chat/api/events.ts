import { z } from "zod";
import type { EventSchemas } from "../../protocol/protocol.ts";
import { CHAT_TYPE, contentSchema } from "../messages/content.ts";

/** Data of the chat's messages, by type. */
export interface ChatEvents {
  /** Content by a user: a text, or a picture, a voice message or a video by its URL, with a text beside it if need be. */
  chat: { text?: string; picture?: string; voice?: string; video?: string };
  /** Somebody is typing. */
  "chat.typing": { user: string };
  /** Somebody has read up to an offset. */
  "chat.read": { user: string; offset: number };
  /** Users have joined a group: up to 20 by name, all by number. The group has so many members now. */
  "chat.joined": { group: string; name: string; users: string[]; count: number; members: number };
  "chat.invited": { group: string; name: string; by: string };
  "chat.removed": { group: string; by: string };
  /** Somebody asks to be a friend, or has accepted. */
  "chat.friend": { user: string; state: "requested" | "friend" };
  /**
   * Something of the user has changed, on another device or by a leave on this one. The client asks for it again, at a random time within
   * `withinMs` if that is given.
   */
  "chat.changed": { what: "groups" | "friends" | "profile"; withinMs?: number };
}

const user = z.string();
const group = z.string();

/** Schemas of the chat's messages. Only the chat sends those after the first one, and may add fields. */
export const chatEvents = (textLength: number) =>
  ({
    [CHAT_TYPE]: contentSchema(textLength),
    "chat.typing": z.looseObject({ user }),
    "chat.read": z.looseObject({ user, offset: z.int() }),
    "chat.joined": z.looseObject({
      ...{ group, name: z.string(), users: z.array(user), count: z.int(), members: z.int() },
    }),
    "chat.invited": z.looseObject({ group, name: z.string(), by: user }),
    "chat.removed": z.looseObject({ group, by: user }),
    "chat.friend": z.looseObject({ user, state: z.enum(["requested", "friend"]) }),
    "chat.changed": z.looseObject({
      ...{ what: z.enum(["groups", "friends", "profile"]), withinMs: z.int().optional() },
    }),
  }) satisfies Record<keyof ChatEvents, EventSchemas[string]>;
