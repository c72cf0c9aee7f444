import type { Adjustable, Backplane, BackplaneSink, Questions } from "./backplane/backplane.ts";
import { type Commands, type PresenceComparison, WatchedRooms, Watchers } from "./members/members.ts";
import type { Acks, Deliverer, Hooks, Listeners } from "./publish/publish.ts";

export interface SinkParts {
  readonly deliverer: Deliverer;
  readonly listeners: Listeners;
  readonly acks: Acks;
  readonly presence: PresenceComparison;
  readonly rooms: WatchedRooms;
  readonly hooks: Hooks;
  readonly commands: Commands;
  readonly questions: Questions;
  readonly adjusted: BackplaneSink["adjusted"];
  readonly report: (stage: string, error: unknown) => void;
}

/** Passes everything that arrives from the backplane to the part that handles it. */
export function backplaneSink({
  deliverer,
  listeners,
  acks,
  presence,
  rooms,
  hooks,
  commands,
  questions,
  adjusted,
  report,
}: SinkParts): BackplaneSink {
  return {
    deliver(message) {
      listeners.heard(message);
      return deliverer.deliver(message);
    },
    acknowledged: (channel, _user, offset) => acks.acknowledged(channel, offset),
    lost(channel, position) {
      listeners.reached(channel, position);
      deliverer.lost(channel, position);
    },
    presence: (user, online) => presence.heard(user, online),
    presenceMissed: (isSettled) => {
      void rooms.compare(isSettled);
      presence.run(isSettled).catch((error: unknown) => report("presence", error));
    },
    room: (change) => rooms.heard(change),
    occupied: (group, isOccupied) => hooks.emit(isOccupied ? "occupied" : "vacated", { group }),
    command: (command) => commands.run(command),
    asked: questions.asked,
    adjusted,
    report,
  };
}

/** Makes what tells clients and the application of presence, and of the members of groups. */
export function makeWatching(hooks: Hooks, { rooms }: Backplane, report: SinkParts["report"]) {
  const watchers = new Watchers({
    get exist() {
      return hooks.has("online") || hooks.has("offline");
    },
    tell: (user, online) => hooks.emit(online ? "online" : "offline", { user }),
  });
  return { watchers, rooms: new WatchedRooms(rooms, report) };
}

/** Passes what all nodes share to the part that uses it. */
export const sharedSettings =
  (parts: Readonly<Record<Adjustable, { changed(value: string): void }>>): BackplaneSink["adjusted"] =>
  (name, value) =>
    parts[name].changed(value);
