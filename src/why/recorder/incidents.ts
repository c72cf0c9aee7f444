import type { Channel } from "../../protocol/protocol.ts";
import { Ring } from "./ring.ts";
import { Runs } from "./runs.ts";

/**
 * Kinds of incidents. `dropped`: a full queue refused a message. `joined`, `left`: a connection and a group. `ended`: a connection.
 * `turned_away`: a login or a connection. `denied`: the policy refused an operation. `failed`: a message was not published.
 */
export const INCIDENT_KINDS = [
  "dropped",
  "joined",
  "left",
  "ended",
  "turned_away",
  "denied",
  "failed",
] as const;

export type IncidentKind = (typeof INCIDENT_KINDS)[number];

/** Something that may keep a message from a user. Times are in milliseconds since 1970, by the clock of the nodes. */
export interface Incident {
  readonly kind: IncidentKind;
  readonly at: number;
  /** The last one, where several are one record. */
  readonly until: number;
  readonly count: number;
  /** Whom it befell: for `failed` the sender. Absent where that is not known, and for a message of the application. */
  readonly user?: string | undefined;
  readonly connection?: string | undefined;
  readonly channel?: Channel | undefined;
  /** Id of the message. */
  readonly message?: string | undefined;
  /** Cause of an end, code of an error, operation that was denied. */
  readonly code?: string | undefined;
  readonly detail?: string | undefined;
  /** Of a connection that has ended. `connectedAt` is by the clock of the nodes, as all times here. */
  readonly platform?: string | undefined;
  readonly device?: string | undefined;
  readonly connectedAt?: number | undefined;
  /** Of a client that was turned away. */
  readonly address?: string | undefined;
}

/** Fields of an incident that decide whether it matters. Texts are compared in the ring: making thousands of strings would take longer than all else. */
export interface Glance {
  readonly kind: IncidentKind;
  /** Tells whether a text is this one. @param text undefined: tells whether there is none */
  is(name: "user" | "channel" | "message", text: string | undefined): boolean;
}

/** An incident to be recorded: now, once. */
export type NewIncident = Omit<Incident, "at" | "until" | "count">;

const NUMBERS = { kind: 0, at: 1, until: 2, count: 3, connectedAt: 4 };
const TEXTS = [
  "user",
  "connection",
  "channel",
  "message",
  "code",
  "detail",
  "platform",
  "device",
  "address",
] as const;

type TextName = (typeof TEXTS)[number];

/** Texts by which two incidents within a second are one: one client that goes on must not push out what befell others. */
const SAME = ["user", "connection", "channel", "message", "code", "address"] as const;

/** Records that are compared with a new one. */
const COMPARED = 8;

/** Time within which equal incidents are one record. */
const TOGETHER_MS = 1_000;

const CHARACTERS = 64;

export interface IncidentsOptions {
  /** Equal incidents within a second are one record. @default true */
  readonly isMerged?: boolean;
  /** Records of one kind and client within a second, after which the last one counts the others. @default any number */
  readonly perSecond?: number;
}

/** The last incidents of some kinds on this node. */
export class Incidents {
  readonly #ring: Ring;
  readonly #now: () => number;
  readonly #isMerged: boolean;
  readonly #perSecond: number;
  readonly #runs = new Runs();

  constructor(records: number, now: () => number, options: IncidentsOptions = {}) {
    const { isMerged = true, perSecond = Number.POSITIVE_INFINITY } = options;
    this.#ring = new Ring({ records, numbers: 5, texts: TEXTS.length, characters: CHARACTERS });
    this.#now = now;
    this.#isMerged = isMerged;
    this.#perSecond = perSecond;
  }

  get bytes(): number {
    return this.#ring.bytes;
  }

  /** Number of the next record. */
  get count(): number {
    return this.#ring.count;
  }

  add(incident: NewIncident): void {
    const now = this.#now();
    const same = this.#isMerged ? this.#same(incident, now) : undefined;
    if (same !== undefined) this.#repeat(same, now);
    else if (!this.#countInRun(incident, now)) this.#append(incident, now);
  }

  /** Adds one more to the record with a number. @returns false when it is no longer there */
  addTo(number: number): boolean {
    const slot = this.#ring.slotOf(number);
    if (slot !== undefined) this.#repeat(slot, this.#now());
    return slot !== undefined;
  }

  /**
   * Those of now that matter, the newest first. It lets the event loop go round, and leaves out what is overwritten meanwhile.
   * @param limit for each reason: many of one must not hide those of another
   * @param reasonOf why an incident matters; undefined: it does not. It must not keep what it is given
   */
  async find(limit: number, reasonOf: (incident: Glance) => string | undefined): Promise<Incident[]> {
    const found: Incident[] = [];
    const counts = new Map<string, number>();
    const glance = new SlotGlance(this.#ring);
    const look = (slot: number): void => {
      glance.slot = slot;
      const reason = reasonOf(glance);
      if (reason === undefined) return;
      const count = counts.get(reason) ?? 0;
      if (count >= limit) return;
      counts.set(reason, count + 1);
      found.push(this.#read(slot));
    };
    for await (const slice of this.#ring.slices()) for (const slot of slice) look(slot);
    return found;
  }

  /** Counts an incident in the last record of its client, when that has had its records of this second. @returns false: it gets one of its own */
  #countInRun(incident: NewIncident, now: number): boolean {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return false;
    const run = this.#runs.of(incident, now);
    if (run.records >= this.#perSecond && this.addTo(run.last)) return true;
    run.records++;
    run.last = this.count;
    return false;
  }

  #append(incident: NewIncident, now: number): void {
    const ring = this.#ring;
    const slot = ring.begin();
    ring.set(slot, NUMBERS.kind, INCIDENT_KINDS.indexOf(incident.kind));
    ring.set(slot, NUMBERS.at, now);
    ring.set(slot, NUMBERS.until, now);
    ring.set(slot, NUMBERS.count, 1);
    ring.set(slot, NUMBERS.connectedAt, incident.connectedAt ?? 0);
    for (const [index, name] of TEXTS.entries()) ring.add(slot, index, incident[name]);
  }

  #repeat(slot: number, now: number): void {
    this.#ring.set(slot, NUMBERS.until, now);
    this.#ring.set(slot, NUMBERS.count, this.#ring.number(slot, NUMBERS.count) + 1);
  }

  #same(incident: NewIncident, now: number): number | undefined {
    let compared = 0;
    for (const slot of this.#ring.slots()) {
      if (compared++ >= COMPARED || now - this.#ring.number(slot, NUMBERS.at) > TOGETHER_MS) return undefined;
      if (this.#isSame(slot, incident)) return slot;
    }
    return undefined;
  }

  #isSame(slot: number, incident: NewIncident): boolean {
    if (kindOf(this.#ring, slot) !== incident.kind) return false;
    return SAME.every((name) => this.#ring.has(slot, TEXTS.indexOf(name), incident[name]));
  }

  #read(slot: number): Incident {
    const ring = this.#ring;
    const text = (name: TextName): string | undefined => textOf(ring, slot, name);
    const connectedAt = ring.number(slot, NUMBERS.connectedAt);
    return {
      kind: kindOf(ring, slot),
      at: ring.number(slot, NUMBERS.at),
      until: ring.number(slot, NUMBERS.until),
      count: ring.number(slot, NUMBERS.count),
      ...{ user: text("user"), connection: text("connection"), message: text("message") },
      channel: text("channel") as Channel | undefined, // it was one
      ...{ code: text("code"), detail: text("detail"), address: text("address") },
      ...{ platform: text("platform"), device: text("device") },
      connectedAt: connectedAt === 0 ? undefined : connectedAt,
    };
  }
}

/** A record that is still in its ring: most are compared, and not read. One of these goes through all records. */
class SlotGlance implements Glance {
  readonly #ring: Ring;
  slot = 0;

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  get kind(): IncidentKind {
    return kindOf(this.#ring, this.slot);
  }

  is(name: TextName, text: string | undefined): boolean {
    return this.#ring.has(this.slot, TEXTS.indexOf(name), text);
  }
}

const kindOf = (ring: Ring, slot: number): IncidentKind =>
  INCIDENT_KINDS[ring.number(slot, NUMBERS.kind)] ?? "failed";

const textOf = (ring: Ring, slot: number, name: TextName): string | undefined =>
  ring.text(slot, TEXTS.indexOf(name));
