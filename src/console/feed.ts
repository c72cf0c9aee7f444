import type { Questions } from "../backplane/backplane.ts";
import { type ClusterView, clusterView, type ViewPorts } from "../gateway/gateway.ts";
import { Attachment, type Connection } from "../local/local.ts";
import { toTidingsError } from "../protocol/protocol.ts";
import { type EventFilter, EventReader } from "./events.ts";
import { isConsole } from "./token.ts";

/** Subjects that a console watches. */
export interface Watched {
  /** The nodes at a glance, as `GET /nodes/top` has them. @default false */
  readonly overview?: boolean | undefined;
  /** @default none */
  readonly events?: EventFilter | undefined;
}

/** Interval of the overview, in milliseconds. */
const OVERVIEW_MS = 2_000;

/** Interval of the events, in milliseconds. */
const EVENTS_MS = 1_000;

/** Groups and connections of an overview. */
const TOP = { groups: 10, connections: 10 };

/** Messages of the feed. Applications cannot mistake them for their own: only consoles get them. */
export const FEED = { overview: "console.overview", events: "console.events" } as const;

/** Pushes to the consoles of this node what they watch. While nobody watches, no timer runs and no node is asked. */
export class Feed {
  readonly #questions: Questions;
  readonly #node: string;
  readonly #view: ClusterView;
  readonly #watchers = new Set<Connection>();
  #timers: NodeJS.Timeout[] = [];
  #isAsking = false;

  constructor(ports: ViewPorts) {
    this.#questions = ports.questions;
    this.#node = ports.node;
    this.#view = clusterView(ports);
  }

  /** Replaces what a console watches. The first overview follows at once. */
  watch(connection: Connection, { overview = false, events }: Watched): void {
    const watching = connection.attached(Watching);
    watching.overview = overview;
    if (events === undefined) watching.events = undefined;
    else if (JSON.stringify(watching.events?.filter) !== JSON.stringify(events)) {
      watching.events = new EventReader(this.#questions, this.#node, events);
    }
    if (overview || events !== undefined) this.#watchers.add(connection);
    else this.#watchers.delete(connection);
    if (this.#watchers.size > 0 && this.#timers.length === 0) this.#begin();
    if (overview) void this.#pushOverview();
    if (events !== undefined) void this.#pushEvents();
  }

  #begin(): void {
    this.#timers = [
      setInterval(() => void this.#pushOverview(), OVERVIEW_MS).unref(),
      setInterval(() => void this.#pushEvents(), EVENTS_MS).unref(),
    ];
  }

  /** The consoles that are still there, and still have the grant. Ends the timers after the last one. */
  #present(): [Connection, Watching][] {
    for (const watcher of this.#watchers)
      if (watcher.state !== "open" || !isConsole(watcher)) this.#watchers.delete(watcher);
    if (this.#watchers.size === 0) {
      for (const timer of this.#timers) clearInterval(timer);
      this.#timers = [];
    }
    return [...this.#watchers].map((watcher) => [watcher, watcher.attached(Watching)]);
  }

  /** One question to the nodes for all consoles. */
  async #pushOverview(): Promise<void> {
    if (this.#isAsking || this.#present().length === 0) return;
    this.#isAsking = true;
    try {
      const top = await this.#view.top(TOP);
      for (const [watcher, { overview }] of this.#present()) if (overview) push(watcher, FEED.overview, top);
    } catch (thrown) {
      // The page shows it: nobody else waits for this.
      const { code, message } = toTidingsError(thrown);
      for (const [watcher, { overview }] of this.#present())
        if (overview) push(watcher, FEED.overview, { error: { code, message } });
    } finally {
      this.#isAsking = false;
    }
  }

  async #pushEvents(): Promise<void> {
    await Promise.all(this.#present().map(([watcher, watching]) => this.#pushEventsTo(watcher, watching)));
  }

  async #pushEventsTo(watcher: Connection, watching: Watching): Promise<void> {
    const reader = watching.events;
    if (reader === undefined || watching.isReading) return;
    watching.isReading = true;
    try {
      const page = await reader.read();
      if (watching.events !== reader || watcher.state !== "open" || !isConsole(watcher)) return;
      const hasSilent = page.silent.length > 0;
      // An empty page is news too when it takes back that a node is silent.
      const hasNews = page.events.length > 0 || page.omitted > 0 || hasSilent || watching.hasSilent;
      watching.hasSilent = hasSilent;
      if (hasNews) push(watcher, FEED.events, page);
    } finally {
      watching.isReading = false;
    }
  }
}

/** Queues a message, unless the console is slower than its feed: the next one has newer figures. */
function push(watcher: Connection, type: string, data: unknown): void {
  if (!watcher.isFull) watcher.send(JSON.stringify({ type, data, timestamp: Date.now() }));
}

/** Subjects that a connection watches, and their state. */
class Watching extends Attachment {
  overview = false;
  events: EventReader | undefined;
  /** True while its events are asked for. */
  isReading = false;
  /** True when the console was last told that a node is silent. */
  hasSilent = false;
}
