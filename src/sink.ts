import type { BackplaneSink } from "./backplane/backplane.ts";
import type { Commands, PresenceComparison } from "./members/members.ts";
import type { Acks, Deliverer } from "./publish/publish.ts";

export interface SinkParts {
  readonly deliverer: Deliverer;
  readonly acks: Acks;
  readonly presence: PresenceComparison;
  readonly commands: Commands;
  readonly adjusted: BackplaneSink["adjusted"];
  readonly report: (stage: string, error: unknown) => void;
}

/** Passes everything that arrives from the backplane to the part that handles it. */
export function backplaneSink({
  deliverer,
  acks,
  presence,
  commands,
  adjusted,
  report,
}: SinkParts): BackplaneSink {
  return {
    deliver: (message) => deliverer.deliver(message),
    acknowledged: (channel, _user, offset) => acks.acknowledged(channel, offset),
    lost: (channel, position) => deliverer.lost(channel, position),
    presence: (user, online) => presence.heard(user, online),
    presenceMissed: (isSettled) => {
      presence.run(isSettled).catch((error: unknown) => report("presence", error));
    },
    command: (command) => commands.run(command),
    adjusted,
    report,
  };
}
