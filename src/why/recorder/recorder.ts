/** The flight recorder: what has befallen the last messages and connections of this node, in fixed memory. */
import { type Message, NOBODY, type Reached, type StoredMessage } from "../../backplane/backplane.ts";
import { Attachment, type Connection, type Verdict } from "../../local/local.ts";
import type { Channel, ConnectionInfo, TidingsError, Verb } from "../../protocol/protocol.ts";
import { type Glance, type Incident, Incidents } from "./incidents.ts";
import { type RecordedMessage, RecordedMessages } from "./messages.ts";

/** Incidents of each sort that are remembered, as a share of the messages. */
const INCIDENT_SHARE = 1 / 4;

/** Messages that a full queue refuses within a second, after which the last record counts the others: they must not push out what befell others. */
const DROPS_PER_SECOND = 32;

/** Further incidents of a kind within a second that one client gets: then too the last record counts the others. */
const OTHERS_PER_SECOND = 32;

/** Part of a receipt. */
export interface Sent {
  readonly connections: number;
  readonly state: string;
  readonly offset?: number | undefined;
}

/** Sorts of incidents, each in a ring of its own, so that many of one sort push out no others. */
interface Sorts {
  readonly drops: Incidents;
  readonly moves: Incidents;
  readonly others: Incidents;
}

/**
 * The flight recorder of a node. Calls that record return at once and never throw. Those that look for records begin with what is recorded
 * at the moment of the call, and let the event loop go round meanwhile: later records are not in their answers, nor are those that later
 * ones have overwritten before they came to them. {@link since}, read after the answer, is later than every message so lost.
 */
export class FlightRecorder {
  readonly #messages: RecordedMessages;
  readonly #sorts: Sorts;
  readonly #now: () => number;

  /**
   * @param messages messages that are remembered; of each sort of incidents a quarter as many
   * @param now the clock of all nodes
   */
  constructor(messages: number, now: () => number) {
    this.#messages = new RecordedMessages(messages);
    this.#now = now;
    const incidents = Math.ceil(messages * INCIDENT_SHARE);
    this.#sorts = {
      drops: new Incidents(incidents, now),
      moves: new Incidents(incidents, now, { isMerged: false }), // their order tells who was a member when
      others: new Incidents(incidents, now, { perSecond: OTHERS_PER_SECOND }),
    };
  }

  /** Memory of all rings, in bytes. They never grow. */
  get bytes(): number {
    const { drops, moves, others } = this.#sorts;
    return [this.#messages, drops, moves, others].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Records a message that was handed to connections of this node. */
  delivered(message: Message | StoredMessage, reached: Reached): void {
    this.#messages.add(message, "offset" in message ? message.offset : undefined, reached);
  }

  /** Records a message of this node that met no connection here: {@link delivered} has the others. */
  published(message: Message, { connections, state, offset }: Sent): void {
    if (connections === 0 && state !== "dropped") this.#messages.add(message, offset, NOBODY);
  }

  /** Records that the queue of a connection has not taken a message. */
  dropped({ id, channel }: Message, connection: Connection, verdict: Verdict): void {
    const { drops } = this.#sorts;
    const run = connection.attached(DropRun);
    const second = Math.floor(performance.now() / 1_000);
    if (run.second !== second) run.begin(second);
    if (++run.drops > DROPS_PER_SECOND && drops.addTo(run.last)) return;
    run.last = drops.count;
    const { user, id: name } = connection;
    drops.add({ kind: "dropped", user, connection: name, channel, message: id, code: verdict });
  }

  /** Records that a connection has joined or left a group. The end of a connection is one record, not one for each of its groups. */
  moved(kind: "joined" | "left", { user, id: connection }: ConnectionInfo, channel: Channel): void {
    this.#sorts.moves.add({ kind, user, connection, channel });
  }

  /** Records the end of a connection. @param code class of the end */
  ended({ id, user, platform, device, connectedAt }: ConnectionInfo, code: string, detail: string): void {
    const about = { user, connection: id, platform, device };
    const began = byClockOf(this.#now, connectedAt);
    this.#sorts.others.add({ kind: "ended", ...about, connectedAt: began, code, detail });
  }

  /** Records a client that got no connection. @param user undefined when nothing has proved who it is */
  turnedAway(code: string, detail: string, address: string, user?: string): void {
    this.#sorts.others.add({ kind: "turned_away", user, code, detail, address });
  }

  /** Records a login of a known user that a limit has refused. */
  readonly loginRefused = (user: string, { code, message }: TidingsError, address = ""): void =>
    this.turnedAway(code, message, address, user);

  /** Records that the policy has refused an operation. */
  denied({ id: connection, user }: ConnectionInfo, verb: Verb, channel: Channel): void {
    this.#sorts.others.add({ kind: "denied", user, connection, channel, code: verb });
  }

  /** Records a message that was not published. @param sender undefined for the application */
  failed(
    channel: Channel,
    { code, message: detail }: TidingsError,
    sender?: { readonly user?: string | undefined; readonly connection?: string },
  ): void {
    this.#sorts.others.add({ kind: "failed", ...sender, channel, code, detail });
  }

  /** Finds a message by its id. */
  message(id: string): Promise<RecordedMessage | undefined> {
    return this.#messages.find(id);
  }

  /** The last messages to any of these channels, the newest first. */
  latest(channels: readonly Channel[], limit: number): Promise<RecordedMessage[]> {
    return this.#messages.latest(channels, limit);
  }

  /** Time from which on every message is remembered; undefined before the first one. */
  get since(): number | undefined {
    return this.#messages.since;
  }

  /**
   * The last incidents that matter, the newest first.
   * @param limit for each reason
   * @param reasonOf why an incident matters; undefined: it does not. It must not keep what it is given
   */
  async incidents(limit: number, reasonOf: (incident: Glance) => string | undefined): Promise<Incident[]> {
    const { drops, moves, others } = this.#sorts;
    const found = await Promise.all([drops, moves, others].map((sort) => sort.find(limit, reasonOf)));
    return found.flat().sort((one, other) => other.until - one.until);
  }
}

/** Converts a time by the clock of this node to the clock of all nodes, by which messages and incidents have theirs. */
export const byClockOf = (now: () => number, time: number): number => time + Math.round(now() - Date.now());

/** Refusals by the queue of one connection within a second. */
class DropRun extends Attachment {
  second = 0;
  drops = 0;
  /** Number of the last record. */
  last = 0;

  begin(second: number): void {
    this.second = second;
    this.drops = 0;
  }
}

export { type Glance, INCIDENT_KINDS, type Incident, type IncidentKind } from "./incidents.ts";
export type { RecordedMessage } from "./messages.ts";
