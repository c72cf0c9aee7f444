import { isGranted, isUserChannel, userOf } from "../../protocol/protocol.ts";
import type { PolicyRequest, PolicySettings } from "./request.ts";

/**
 * The policy of a hub that has no other: the settings `policy.*`, and what the login was granted (docs/PERMISSIONS.md). The
 * application may ask it inside its own policy.
 */
export function defaultPolicy(request: PolicyRequest): boolean | Promise<boolean> {
  switch (request.verb) {
    case "join":
      return mayJoin(request);
    case "send":
      return maySend(request);
    case "edit":
      return mayEdit(request);
    case "history":
      return mayRead(request);
    case "presence":
      return maySee(request);
    default:
      return false;
  }
}

/** A durable member may always join: the hub joins the group at each login anyway. */
function mayJoin(request: PolicyRequest): boolean | Promise<boolean> {
  const { settings, anonymous, channel } = request;
  if (!channel.startsWith("group:")) return false;
  if (settings.join === "anyone" && !anonymous) return true;
  return (settings.join !== "nobody" && holdsGrant(request)) || request.isDurableMember();
}

function maySend(request: PolicyRequest): boolean | Promise<boolean> {
  const { settings, anonymous, channel } = request;
  if (channel.startsWith("group:")) {
    if (settings.sendToGroup === "nobody") return false;
    return holdsGrant(request) || (settings.sendToGroup === "members" && request.isMember());
  }
  const rule = channel === "all" ? settings.broadcast : settings.sendToUser;
  if (rule === "anyone" && !anonymous) return true;
  return rule !== "nobody" && holdsGrant(request);
}

/** A question about messages that the user has sent. */
function mayEdit({ settings, anonymous, can, channel }: PolicyRequest): boolean {
  if (settings.edit === "anyone" && !anonymous) return true;
  return settings.edit !== "nobody" && isGranted(can, "edit", channel);
}

function mayRead(request: PolicyRequest): boolean | Promise<boolean> {
  const { settings, anonymous, channel } = request;
  if (isOwn(request) || (channel === "all" && !anonymous) || holdsGrant(request)) return true;
  return channel.startsWith("group:") && settings.history === "members" && request.isMember();
}

function maySee(request: PolicyRequest): boolean | Promise<boolean> {
  const { settings, anonymous, channel, can } = request;
  if (settings.presence === "nobody") return false;
  if ((settings.presence === "anyone" && !anonymous) || isOwn(request) || holdsGrant(request)) return true;
  // A right to list all users is a right to name one.
  if (isUserChannel(channel)) return isGranted(can, "presence", "all");
  return channel.startsWith("group:") && request.isMember();
}

const holdsGrant = ({ can, verb, channel }: PolicyRequest): boolean => isGranted(can, verb, channel);

const isOwn = ({ channel, user }: PolicyRequest): boolean =>
  isUserChannel(channel) && userOf(channel) === user;

/** Fills in the defaults that depend on the mode of the hub. */
export function policySettings(
  given: Partial<PolicySettings> & Pick<PolicySettings, "sendToUser" | "sendToGroup" | "edit" | "history">,
  development: boolean,
): PolicySettings {
  const { join, broadcast, presence, ...others } = given;
  return {
    ...others,
    join: join ?? (development ? "anyone" : "granted"),
    broadcast: broadcast ?? (development ? "anyone" : "nobody"),
    presence: presence ?? (development ? "anyone" : "granted"),
  };
}
