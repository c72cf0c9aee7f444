import { targetOf } from "../../src/protocol/protocol.ts";
import type { ConversationId } from "../model/address.ts";
import type { IconName } from "./Icon.tsx";

/** How a conversation is called and drawn: a person by the name, anything else by an icon. */
export interface Naming {
  readonly title: string;
  readonly user?: string;
  readonly icon?: IconName;
}

export function nameOf(id: ConversationId): Naming {
  if (id === "application") return { title: "The application", icon: "server" };
  const { to, group } = targetOf(id);
  if (to !== undefined) return { title: to, user: to };
  return group === undefined ? { title: "Everyone", icon: "everyone" } : { title: group, icon: "group" };
}
