/** A chat for a hub: accounts, friends, groups and conversations. See docs/CHAT.md. */
export { setServerAdmin } from "./administrators.ts";
export type { ChatActions, ChatApi, ChatEvents, ChatMessage, ChatPerson } from "./api/api.ts";
export { chatDevelopmentAuth } from "./development.ts";
export { type Chat, createChat } from "./make-chat.ts";
export type { ChatLimits, ChatOptions } from "./options.ts";
