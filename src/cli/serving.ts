import { assertNotProduction, type Config, hasTokenKey } from "../config/config.ts";
import type { Hub, HubOptions } from "../hub.ts";
import { TidingsError } from "../protocol/protocol.ts";

/** The hub of a server, and the chat beside it where it is on. */
export interface Serving {
  readonly hub: Hub<Record<string, unknown>>;
  /** Resolves when the hub may listen. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Makes a hub of a configuration. */
export type MakeHub = (config: Config, options: Pick<HubOptions, "auth">) => Serving["hub"];

/**
 * Makes the hub of a server.
 * @param make makes a hub of a configuration
 * @throws TidingsError `bad_request` for a chat on many nodes without PostgreSQL and a secret
 */
export async function makeServing(config: Config, make: MakeHub): Promise<Serving> {
  if (!hasChat(config)) {
    const hub = make(config, {});
    return { hub, ready: Promise.resolve(), close: () => hub.close() };
  }
  const isDevelopment = !hasTokenKey(config.jwt);
  // The hub checks it where it chooses the authenticator itself.
  if (isDevelopment) assertNotProduction();
  // Nodes in development mode would each sign tokens with a secret of their own.
  if (isDevelopment && config.redis !== undefined)
    throw new TidingsError(
      "bad_request",
      "chat: nodes with redis need a common secret for its tokens: set JWT_SECRET",
    );
  const { chatDevelopmentAuth, createChat } = await import("../chat/chat.ts"); // here, so that other commands start fast
  const hub = make(config, isDevelopment ? { auth: chatDevelopmentAuth() } : {});
  const chat = createChat({ hub, demo: isDevelopment });
  const close = async (): Promise<void> => {
    await hub.close();
    await chat.close();
  };
  return { hub, ready: chat.ready, close };
}

/** In development mode the chat is on, unless it would need more than there is. */
const hasChat = ({ chat, jwt, redis }: Config): boolean => chat ?? (!hasTokenKey(jwt) && redis === undefined);
