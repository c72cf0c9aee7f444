import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { EventPage, HubEvent } from "./replies.ts";

export const EVENT_KINDS = {
  connect: "Connects",
  disconnect: "Disconnects",
  refused: "Refused logins",
  join: "Joins",
  leave: "Leaves",
  publish: "Messages",
  drop: "Drops",
  limited: "Limited",
} as const;

export type EventKind = keyof typeof EVENT_KINDS;

/** Which events the nodes send. */
export interface Filter {
  readonly kinds: readonly EventKind[];
  /** Part of a user, channel, connection, address or code. */
  readonly text: string;
}

/** Events that the page keeps. */
const MAX_EVENTS = 300;

export interface NumberedEvent extends HubEvent {
  readonly number: number;
}

/** The last events of the cluster. The nodes filter them, and send none while nobody looks. */
export class Tail {
  readonly filter: Signal<Filter> = signal({ kinds: Object.keys(EVENT_KINDS) as EventKind[], text: "" }); // a record has no other keys
  /** True while a view shows the events. */
  readonly isShown = signal(false);
  readonly isPaused = signal(false);
  /** The newest first. */
  readonly events: Signal<readonly NumberedEvent[]> = signal([]);
  /** Events that came too fast to be sent. */
  readonly omitted = signal(0);
  readonly silent: Signal<readonly string[]> = signal([]);
  /** The filter for the server; undefined while nothing is wanted. */
  readonly wanted: ReadonlySignal<{ kinds: EventKind[]; text: string } | undefined> = computed(() => {
    const { kinds, text } = this.filter.value;
    const isWanted = this.isShown.value && !this.isPaused.value && kinds.length > 0;
    return isWanted ? { kinds: [...kinds], text } : undefined;
  });
  #count = 0;

  add({ events, omitted, silent }: EventPage): void {
    const numbered = events.map((event) => ({ ...event, number: ++this.#count }));
    this.events.value = [...numbered.reverse(), ...this.events.peek()].slice(0, MAX_EVENTS);
    this.omitted.value += omitted;
    this.silent.value = silent;
  }

  clear(): void {
    this.events.value = [];
    this.omitted.value = 0;
  }
}
