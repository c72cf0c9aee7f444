import type { Admission, ConnectionInfo, ConnectionRules } from "../../port.ts";
import type { Bus, CallRoll } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import { partitionOfUser } from "../wire/keys.ts";
import type { Kick } from "./evictions.ts";
import { type ConnectionRecord, decodeRecord, encodeDetails } from "./record.ts";
import { ARRIVE, EVICT, LOCATE } from "./scripts.ts";

/** Reply of the script to an arrival; empty when the rules refuse it, and -1 with the time that is left of a block. The fields behind are ids and records, alternating. */
type Reply = [seq?: number, changes?: number, commands?: number, toConfirm?: number, ...evicted: string[]];

/** An arrival that the rules admit. */
export interface Arrival {
  readonly admitted: true;
  readonly seq: number;
  /** Presence lines that the script sent. */
  readonly changes: number;
  /** Commands that the script sent, to nodes whose connections it evicted. */
  readonly commands: number;
  /** True when nodes must confirm an invalidation of the user's channel first. */
  readonly toConfirm: boolean;
  /** Connections that the arrival evicted, oldest first. */
  readonly evicted: readonly ConnectionRecord[];
}

type Refused = Extract<Admission, { admitted: false }>;

/** Arrivals of connections, decided by Redis: the rules count over the whole cluster. */
export class Arrivals {
  readonly #connection: Connection;
  readonly #bus: Bus;
  readonly #graceMs: number;
  #callRoll: CallRoll = async () => new Map();

  constructor(connection: Connection, bus: Bus, graceMs: number) {
    this.#connection = connection;
    this.#bus = bus;
    this.#graceMs = graceMs;
  }

  useRollCall(callRoll: CallRoll): void {
    this.#callRoll = callRoll;
  }

  /** Registers a connection in Redis, unless the rules or a block of the user refuse it. */
  async register(connection: ConnectionInfo, rules: ConnectionRules): Promise<Arrival | Refused> {
    let reply = await this.#run(connection, rules);
    if (reply.length === 0 && (await this.#evictFromSilent(connection.user))) {
      reply = await this.#run(connection, rules);
    }
    const [seq, changes = 0, commands = 0, toConfirm = 0, ...evicted] = reply;
    if (seq === undefined) return { admitted: false };
    if (seq === -1) return { admitted: false, blockedMs: changes };
    const records = recordsIn(connection.user, evicted);
    return { admitted: true, seq, changes, commands, toConfirm: toConfirm === 1, evicted: records };
  }

  /** Finds the incarnations that have connections of a user, or the one that has this connection. */
  async locate(user: string, connection = ""): Promise<string[]> {
    return (await this.#connection.run(LOCATE, partitionOfUser(user), [user, connection])) as string[]; // by the script
  }

  async #run(connection: ConnectionInfo, rules: ConnectionRules): Promise<Reply> {
    const { user, id } = connection;
    const { maxPerUser, perUserPolicy, onePerPlatform } = rules;
    const args = [this.#bus.token, user, id, encodeDetails(connection), maxPerUser, perUserPolicy];
    const reply = await this.#connection.run(ARRIVE, partitionOfUser(user), [
      ...args,
      onePerPlatform ? 1 : 0,
    ]);
    return reply as Reply; // by the script
  }

  /** Evicts connections on nodes that do not answer a kick, so that it holds. @returns whether the user has left */
  async kick(kick: Kick, tokens: readonly string[], graceMs: number): Promise<boolean> {
    const { user, connection = "", platform = "" } = kick;
    const args = [user, graceMs, JSON.stringify(kick), connection, platform, ...tokens];
    const left = (await this.#connection.run(EVICT, partitionOfUser(user), args)) as string[]; // by the script
    return left.length > 0;
  }

  /**
   * Evicts the user's connections on nodes that do not answer. A refusal counts only when the nodes of the connections that cause it
   * are alive. @returns whether there were such nodes
   */
  async #evictFromSilent(user: string): Promise<boolean> {
    const others = (await this.locate(user)).filter((token) => token !== this.#bus.token);
    const roll = await this.#callRoll(others);
    const silent = others.filter((token) => roll.get(token) === false);
    if (silent.length === 0) return false;
    await this.#connection.run(EVICT, partitionOfUser(user), [user, this.#graceMs, "", "", "", ...silent]);
    return true;
  }
}

function recordsIn(user: string, fields: readonly string[]): ConnectionRecord[] {
  const records: ConnectionRecord[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    records.push(decodeRecord(user, fields[index] ?? "", fields[index + 1] ?? ""));
  }
  return records;
}
