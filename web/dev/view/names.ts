import { targetOf } from "../../../src/protocol/protocol.ts";
import type { IconName } from "../../shared/shared.ts";
import type { ConversationId } from "../model/address.ts";

/** Title of a conversation, with its user or an icon. */
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
