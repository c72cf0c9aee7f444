import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Chat } from "../model/chat.ts";
import type { Page } from "../model/page.ts";
import type { State } from "../model/state.ts";

export interface Surroundings {
  readonly page: Page;
  readonly chat: Chat;
  readonly state: State;
}

const Context = createContext<Surroundings | undefined>(undefined);

export const SurroundingsProvider = Context.Provider;

/** Returns the page, chat and state for a component inside a chat. */
export function useChat(): Surroundings {
  const surroundings = useContext(Context);
  if (surroundings === undefined)
    throw new Error("useChat: the component is not inside SurroundingsProvider");
  return surroundings;
}
