import { useChat } from "../context.ts";

/** Returns a function that opens the conversation with a user, and begins it when there is none. */
export function useConversationWith(): (user: string) => Promise<void> {
  const { page, chat, state } = useChat();
  return async (user) => {
    const known = state.listed.peek().find(({ info }) => info.peek()?.with === user);
    const group = known?.group ?? (await chat.act("chat.open", { to: user }))?.group;
    if (group === undefined) return;
    // It is shown at once; what the server says of it follows.
    state.conversation(group);
    page.open(group);
  };
}
