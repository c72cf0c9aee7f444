import { escapeId } from "../../protocol/protocol.ts";
import type { PolicyRequest, PolicySettings } from "./request.ts";

type Refused = Pick<PolicyRequest, "verb" | "channel" | "settings" | "anonymous">;

/**
 * Says what would let the default policy allow a request that it refused. It follows from the question and the settings alone, so it tells
 * nobody whether a group or a user exists.
 * @param namesSettings true in development mode, where whoever asks can change them
 */
export function neededFor(refused: Refused, namesSettings: boolean): string {
  const ways = waysTo(refused, namesSettings);
  return ways.length > 0 ? `allowed by ${ways.join(", or ")}` : `policy.${settingOf(refused)} is "nobody"`;
}

function waysTo(refused: Refused, namesSettings: boolean): string[] {
  const { verb, channel, settings, anonymous } = refused;
  const setting = settingOf(refused);
  const rule = setting === undefined ? "granted" : settings[setting];
  const isForMembers = setting === "sendToGroup" || setting === "history";
  const ways: string[] = [];
  if (namesSettings && isForMembers) ways.push(`policy.${setting} "members" for a member`);
  else if (namesSettings && setting !== undefined && !anonymous) ways.push(`policy.${setting} "anyone"`);
  if (rule !== "nobody") ways.push(`a grant of ${JSON.stringify(escapeId(channel))} in can.${verb}`);
  if (verb === "edit" || !channel.startsWith("group:")) return ways;
  if (verb === "join") ways.push("durable membership");
  else if (isForMembers ? rule === "members" && !namesSettings : rule !== "nobody") ways.push("membership");
  return ways;
}

/** Setting that rules a request; undefined when only a grant does. */
function settingOf({ verb, channel }: Pick<Refused, "verb" | "channel">): keyof PolicySettings | undefined {
  const isGroup = channel.startsWith("group:");
  if (verb === "join" || verb === "edit" || verb === "presence") return verb;
  if (verb === "history") return isGroup ? "history" : undefined;
  if (isGroup) return "sendToGroup";
  return channel === "all" ? "broadcast" : "sendToUser";
}
