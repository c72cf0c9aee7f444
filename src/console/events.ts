import type { Question, Questions } from "../backplane/backplane.ts";
import { askAvailable } from "../gateway/gateway.ts";
import { type ClientConnection, TidingsError, toTidingsError } from "../protocol/protocol.ts";
import type { Hooks } from "../publish/publish.ts";

/** Kinds of events in the tail. `refused`: a login or a connection. `limited`: a limit has refused something. */
export const EVENT_KINDS = [
  "connect",
  "disconnect",
  "refused",
  "join",
  "leave",
  "publish",
  "drop",
  "limited",
] as const;

export type EventKind = (typeof EVENT_KINDS)[number];

/** Something that has just happened on a node. */
export interface NodeEvent {
  readonly kind: EventKind;
  /** Milliseconds since 1970, by the clock of the node. */
  readonly at: number;
  readonly node: string;
  readonly user?: string | undefined;
  readonly connection?: string | undefined;
  readonly platform?: string | undefined;
  readonly address?: string | undefined;
  readonly channel?: string | undefined;
  /** Id of the message. */
  readonly message?: string | undefined;
  /** Cause of an end, code of a refusal, type of a message. */
  readonly code?: string | undefined;
  readonly detail?: string | undefined;
  /** Connections that took the message, or messages that were dropped. */
  readonly count?: number | undefined;
}

/** Which events a console wants. */
export interface EventFilter {
  /** @default all */
  readonly kinds?: readonly EventKind[] | undefined;
  /** Part of the user, the channel, the connection, the address or the code. @default any */
  readonly text?: string | undefined;
}

/** Answer of a node. */
export interface EventPage {
  readonly events: readonly NodeEvent[];
  /** Where the next page begins. */
  readonly next: number;
  /** Events that came too fast since the last page: they are counted, and not kept. */
  readonly omitted: number;
}

/** Events of a page at most. */
const MAX_EVENTS = 25;

/** Different filters that a node follows at a time. */
const MAX_TAILS = 8;

/** Time without a question after which a node no longer follows a filter, in milliseconds. */
const LEASE_MS = 5_000;

/** Longer texts are cut: user ids and channels have at most 261 characters. */
const MAX_TEXT = 261;

const KIND = "events";

/** Sources of events beside the hooks. */
export interface EventSources {
  readonly node: string;
  readonly hooks: Hooks;
}

/**
 * Tails of what happens on this node. While nobody asks, they listen to nothing and cost nothing. What they keep is bounded: beyond some
 * events between two questions they only count.
 */
export class EventTails {
  readonly #sources: EventSources;
  readonly #tails = new Map<string, Tail>();
  #removals: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(sources: EventSources) {
    this.#sources = sources;
  }

  /** Lets this node answer questions about its events. */
  answer(questions: Questions): void {
    questions.answer(KIND, (question) => this.#page(question));
  }

  connected({ id, user, platform, address }: ClientConnection): void {
    this.#tell({ kind: "connect", user, connection: id, platform, address });
  }

  /** Hears of a limit that has refused something. @param connection undefined where none is known */
  limited({ message }: TidingsError, connection?: ClientConnection): void {
    const { user, id, platform, address } = connection ?? {};
    this.#tell({ kind: "limited", user, connection: id, platform, address, detail: message });
  }

  #page({ filter, after }: Question): EventPage {
    const wanted = filterOf(filter);
    const name = JSON.stringify(wanted);
    const tail = this.#tails.get(name) ?? this.#follow(name, new Tail(wanted));
    tail.until = performance.now() + LEASE_MS;
    const number = ((after ?? {}) as Readonly<Record<string, unknown>>)[this.#sources.node];
    return tail.after(typeof number === "number" ? number : undefined);
  }

  /** @throws TidingsError `unavailable` while others follow as many filters as a node may: to drop one of theirs would hide its events */
  #follow(name: string, tail: Tail): Tail {
    this.#dropExpired();
    if (this.#tails.size >= MAX_TAILS) throw new TidingsError("unavailable", "too many filters are followed");
    this.#tails.set(name, tail);
    if (this.#timer === undefined) this.#begin();
    return tail;
  }

  #tell(event: Omit<NodeEvent, "at" | "node">): void {
    if (this.#tails.size === 0) return;
    const { node } = this.#sources;
    const told = { ...event, at: Date.now(), node };
    for (const tail of this.#tails.values()) tail.add(told);
  }

  #begin(): void {
    this.#timer = setInterval(() => this.#expire(), LEASE_MS / 5).unref();
    const { hooks } = this.#sources;
    this.#removals = [
      hooks.on("disconnect", ({ connection: { id, user, platform, address }, cause, code, reason }) =>
        this.#tell({
          ...{ kind: "disconnect", user, connection: id, platform, address, code: cause },
          detail: reason === "" ? String(code) : `${code} ${reason}`,
        }),
      ),
      hooks.on("refused", ({ code, reason, address }) => {
        const kind = code === "rate_limited" ? "limited" : "refused";
        this.#tell({ kind, address, code, detail: reason });
      }),
      hooks.on("join", ({ connection: { id, user }, group }) =>
        this.#tell({ kind: "join", user, connection: id, channel: `group:${group}` }),
      ),
      hooks.on("leave", ({ connection: { id, user }, group }) =>
        this.#tell({ kind: "leave", user, connection: id, channel: `group:${group}` }),
      ),
      hooks.on("delivered", ({ message: { id, type, channel, from }, receipt: { state, connections } }) =>
        this.#tell({
          ...{ kind: "publish", user: from, channel, message: id, code: type },
          ...{ detail: state, count: connections },
        }),
      ),
      hooks.on("dropped", ({ connection: { id, user, platform, address }, messages }) =>
        this.#tell({ kind: "drop", user, connection: id, platform, address, count: messages }),
      ),
    ];
  }

  /** Ends what nobody asks about any more. */
  #expire(): void {
    this.#dropExpired();
    if (this.#tails.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const remove of this.#removals) remove();
    this.#removals = [];
  }

  #dropExpired(): void {
    const now = performance.now();
    for (const [name, { until }] of this.#tails) if (until < now) this.#tails.delete(name);
  }
}

/** The last events that pass a filter. */
class Tail {
  /** Time until which the node follows it, by the monotonic clock. */
  until = 0;
  readonly #kinds: ReadonlySet<string> | undefined;
  readonly #text: string;
  /** Number of each event, and the events, oldest first. */
  #events: { readonly number: number; readonly event: NodeEvent }[] = [];
  #count = 0;

  constructor({ kinds, text }: EventFilter) {
    this.#kinds = kinds && new Set(kinds);
    this.#text = text ?? "";
  }

  add(event: NodeEvent): void {
    if (this.#kinds?.has(event.kind) === false || !this.#has(event)) return;
    this.#events.push({ number: ++this.#count, event });
    // A little over, because shifting each one would cost more.
    if (this.#events.length >= 2 * MAX_EVENTS) this.#events = this.#events.slice(-MAX_EVENTS);
  }

  /** The events after a number; undefined for one who asks for the first time, and gets none. */
  after(number: number | undefined): EventPage {
    const next = this.#count;
    if (number === undefined || number > next) return { events: [], next, omitted: 0 };
    const events = this.#events.filter((each) => each.number > number).slice(-MAX_EVENTS);
    return {
      events: events.map(({ event }) => shortened(event)),
      next,
      omitted: next - number - events.length,
    };
  }

  #has({ user, channel, connection, address, code }: NodeEvent): boolean {
    const text = this.#text;
    return text === "" || [user, channel, connection, address, code].some((each) => each?.includes(text));
  }
}

const shortened = (event: NodeEvent): NodeEvent =>
  Object.fromEntries(
    Object.entries(event).map(([name, value]) => [
      name,
      typeof value === "string" ? value.slice(0, MAX_TEXT) : value,
    ]),
  ) as unknown as NodeEvent; // the same fields

/** Reads a filter: a node of another version may have sent it. */
function filterOf(filter: unknown): EventFilter {
  const { kinds, text } = (filter ?? {}) as { kinds?: unknown; text?: unknown };
  return {
    kinds: Array.isArray(kinds) ? EVENT_KINDS.filter((kind) => kinds.includes(kind)) : undefined,
    text: typeof text === "string" && text !== "" ? text.slice(0, MAX_TEXT) : undefined,
  };
}

/** Events of all nodes since the last question. */
export interface ClusterEvents {
  /** The oldest first. */
  readonly events: readonly NodeEvent[];
  readonly omitted: number;
  /** Nodes that have not answered. */
  readonly silent: readonly string[];
}

/** Follows the events of all nodes for one console. */
export class EventReader {
  readonly filter: EventFilter;
  readonly #questions: Questions;
  readonly #node: string;
  /** Where the next page of each node begins; undefined for one that has not answered yet. */
  #next: ReadonlyMap<string, number | undefined> = new Map();

  /** @param node id of this node */
  constructor(questions: Questions, node: string, filter: EventFilter) {
    this.#questions = questions;
    this.#node = node;
    this.filter = filter;
  }

  /** Reads the next page of all nodes with one question. Nodes that are known to be gone are not waited for. Never rejects. */
  async read(): Promise<ClusterEvents> {
    const { answers, incomplete } = await this.#ask();
    const pages = answers.flatMap(
      ({ node, answer }) => (answer === undefined ? [] : [{ node, page: answer as EventPage }]), // its own code made it
    );
    const asked = answers.map(({ node }) => node);
    // While others cannot be asked, none of them has left.
    const nodes = incomplete === null ? asked : [...new Set([...this.#next.keys(), ...asked])];
    const answered = new Map(pages.map(({ node, page }) => [node, page.next]));
    const silent = nodes.filter((node) => !answered.has(node));
    // A node that was only slow goes on where it was. One that has restarted has lower numbers, and begins anew.
    this.#next = new Map(nodes.map((node) => [node, answered.get(node) ?? this.#next.get(node)]));
    return { ...together(pages.map(({ page }) => page)), silent };
  }

  async #ask(): ReturnType<typeof askAvailable> {
    const question = { kind: KIND, filter: this.filter, after: Object.fromEntries(this.#next) };
    try {
      return await askAvailable(this.#questions, this.#node, question);
    } catch (error) {
      // Such as a question that is too long, with the positions of very many nodes. All of them count as silent.
      return { answers: [], incomplete: toTidingsError(error).message };
    }
  }
}

/** All nodes together send a page no more than one does. */
function together(pages: readonly EventPage[]): Pick<ClusterEvents, "events" | "omitted"> {
  const events = pages.flatMap((page) => page.events).sort((one, other) => one.at - other.at);
  const kept = events.slice(-MAX_EVENTS);
  const omitted = pages.reduce((sum, page) => sum + page.omitted, 0);
  return { events: kept, omitted: omitted + events.length - kept.length };
}
