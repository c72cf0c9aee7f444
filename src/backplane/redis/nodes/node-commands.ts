import { TidingsError } from "../../../protocol/protocol.ts";
import type { LocalNode } from "../../local-node.ts";
import type { Cluster, Command, NodeStatus } from "../../port.ts";
import { type Bus, Requests, type TrafficCounts } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import type { RedisPresence } from "../presence/presence.ts";
import { REGISTRY } from "../wire/keys.ts";
import { LINE, lineOf } from "../wire/lines.ts";
import type { Registry } from "./registry.ts";
import { TELL } from "./scripts.ts";

export interface NodeCommandsParts {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly registry: Registry;
  readonly presence: RedisPresence;
  /** Timeout of an answer. A node without an answer counts as 0. */
  readonly commandTimeoutMs: number;
  readonly traffic: TrafficCounts;
}

/** Replaces the command in a roll call, which asks only for an answer. */
const ROLL_CALL = "";

/**
 * Commands to other nodes, and the list of all nodes. Commands and answers are lines: `LINE.command` (request, token of the
 * asking node, command) and `LINE.reply` (request, answer).
 */
export class NodeCommands implements Cluster {
  readonly #parts: NodeCommandsParts;
  readonly #requests: Requests;

  constructor(parts: NodeCommandsParts) {
    const { bus, presence, registry, commandTimeoutMs } = parts;
    this.#parts = parts;
    this.#requests = new Requests(commandTimeoutMs);
    bus.on(LINE.command, ([, request = "", from = "", json = ""]) => void this.#serve(json, request, from));
    bus.on(LINE.reply, ([, request = "", count]) => this.#requests.answered(request, count));
    presence.useRollCall((tokens) => this.#callRoll(tokens));
    registry.useRollCall((tokens) => this.#callRoll(tokens));
  }

  nodes(): Promise<NodeStatus[]> {
    return this.#parts.registry.nodes();
  }

  drain(): Promise<void> {
    // Presence first: Redis may be unavailable, and users leave all the same.
    this.#parts.presence.drain();
    return this.#parts.registry.drain();
  }

  async command(command: Command): Promise<number> {
    const { presence, bus } = this.#parts;
    const only = command.kind === "kick" ? command.connection : undefined;
    // Read from Redis, not from a cache: a command must not miss a node that is new.
    const nodes = new Set(await presence.locate(command.user, only));
    const isHere = nodes.delete(bus.token) || presence.hasUser(command.user);
    const counts = await Promise.all([
      isHere ? presence.runHere(command) : 0,
      ...[...nodes].map((token) => this.#ask(token, command)),
    ]);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Stops waiting: all pending requests count as answered with 0. */
  stop(): void {
    this.#requests.answerAll("0");
  }

  /** @returns the count of one node; 0 for a node that does not answer, which is reported */
  async #ask(token: string, command: Command): Promise<number> {
    const { bus } = this.#parts;
    const [count] = await this.#requests.ask((request) => {
      bus.post(token, lineOf(LINE.command, request, bus.token, JSON.stringify(command)));
      return 1;
    });
    if (count === undefined) void this.#reportOverdue(token);
    return Number(count ?? 0);
  }

  /** Calls this node as well: when not even this node hears the call, the silence of the others means nothing. */
  async #callRoll(tokens: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
    if (tokens.length === 0) return new Map();
    const calls = [this.#parts.bus.token, ...tokens].map((token) => this.#isAlive(token));
    const [isHere, ...answers] = await Promise.all(calls);
    return new Map(isHere ? tokens.map((token, index) => [token, answers[index] === true]) : []);
  }

  async #isAlive(token: string): Promise<boolean> {
    const { bus } = this.#parts;
    const answers = await this.#requests.ask((request) => {
      this.#postByScript(token, LINE.command, request, bus.token, ROLL_CALL);
      return 1;
    });
    return answers.length > 0;
  }

  /** Posts a line by a script, which works during recovery too: a recovering node calls and answers rolls. A failure shows as a missing answer. */
  #postByScript(
    token: string,
    kind: typeof LINE.command | typeof LINE.reply,
    ...fields: readonly string[]
  ): void {
    const { connection, traffic } = this.#parts;
    traffic.sent(kind, 1);
    connection.exec(TELL, REGISTRY, [token, lineOf(kind, ...fields)]).catch(() => undefined);
  }

  async #reportOverdue(token: string): Promise<void> {
    const { registry, commandTimeoutMs } = this.#parts;
    const name = (await registry.nameOf(token).catch(() => undefined)) ?? token;
    this.#report(
      new TidingsError("unavailable", `node ${name} did not answer within ${commandTimeoutMs} ms`),
    );
  }

  /** Runs a command of another node. A failure is answered too, as 0: otherwise the asking node would wait until its timeout. */
  async #serve(json: string, request: string, from: string): Promise<void> {
    if (json === ROLL_CALL) {
      this.#postByScript(from, LINE.reply, request, "0");
      return;
    }
    let count = 0;
    try {
      // Written by another node, or by the script of an arrival.
      count = await this.#parts.presence.runHere(JSON.parse(json) as Command);
    } catch (error) {
      this.#report(error);
    }
    if (request !== "") this.#parts.bus.post(from, lineOf(LINE.reply, request, String(count)));
  }

  #report(error: unknown): void {
    const { connection, node } = this.#parts;
    if (!connection.isStopped) node.report("command", error);
  }
}
