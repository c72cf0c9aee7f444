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

/** What the components below a chat work with. */
export function useChat(): Surroundings {
  const surroundings = useContext(Context);
  if (surroundings === undefined) throw new Error("this component belongs into a chat");
  return surroundings;
}
