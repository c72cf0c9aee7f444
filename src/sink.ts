import type { BackplaneSink } from "./backplane/backplane.ts";
import type { Commands, Watchers } from "./members/members.ts";
import type { Acks, Deliverer, Hooks } from "./publish/publish.ts";

export interface SinkParts {
  readonly deliverer: Deliverer;
  readonly acks: Acks;
  readonly watchers: Watchers;
  readonly hooks: Hooks;
  readonly commands: Commands;
  readonly report: (stage: string, error: unknown) => void;
}

/** Passes everything that arrives from the backplane to the part that handles it. */
export function backplaneSink({
  deliverer,
  acks,
  watchers,
  hooks,
  commands,
  report,
}: SinkParts): BackplaneSink {
  return {
    deliver: (message) => deliverer.deliver(message),
    acknowledged: (channel, _user, offset) => acks.acknowledged(channel, offset),
    lost: (channel, position) => deliverer.lost(channel, position),
    presence(user, online) {
      watchers.notify(user, online);
      hooks.emit(online ? "online" : "offline", { user });
    },
    command: (command) => commands.run(command),
    report,
  };
}
