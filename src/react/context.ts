import { createContext, createElement, type ReactElement, type ReactNode, useContext } from "react";
import type { AnyClient } from "../stores/stores.ts";

/** Undefined without a provider, null before there is a client. */
const ClientContext = /* @__PURE__ */ createContext<AnyClient | null | undefined>(undefined);

export interface ProviderProps<Given = AnyClient> {
  /** Client of the components below; null while there is none, as before a login. The application makes it, and closes it. */
  readonly client: Given | null;
  readonly children?: ReactNode;
}

/** Gives the components below it a client. */
export function TidingsProvider({ client, children }: ProviderProps): ReactElement {
  return createElement(ClientContext.Provider, { value: client }, children);
}

/**
 * The client of the next provider above, of whatever declaration; null while it has none.
 * @throws Error without a provider
 */
export function useAnyClient(): AnyClient | null {
  const client = useContext(ClientContext);
  if (client === undefined)
    throw new Error("no client: put a <TidingsProvider client={…}> around the component");
  return client;
}
