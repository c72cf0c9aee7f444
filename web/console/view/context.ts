import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Hub } from "../model/hub.ts";

const Context = createContext<Hub | undefined>(undefined);

export const HubProvider = Context.Provider;

/** Returns the hub for a component behind the login. */
export function useHub(): Hub {
  const hub = useContext(Context);
  if (hub === undefined) throw new Error("useHub: the component is not inside HubProvider");
  return hub;
}
