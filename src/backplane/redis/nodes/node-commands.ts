import { TidingsError } from "../../../protocol/protocol.ts";
import type { Cluster, Command, NodeStatus } from "../../port.ts";
import type { TrafficCounts } from "../bus/traffic.ts";
import type { Link } from "../connection/connection.ts";
import { REGISTRY } from "../keys.ts";
import { lineOf } from "../line.ts";
import type { RedisPresence } from "../presence.ts";
import type { Registry } from "../registry.ts";
import { TELL } from "../registry-scripts.ts";

export interface ClusterParts {
  readonly registry: Registry;
  readonly presence: RedisPresence;
  /** A node that has not answered after so long counts as 0. */
  readonly commandTimeoutMs: number;
  readonly traffic: TrafficCounts;
}

/** The other nodes, and what this one asks of them: lines `C` (request, who asks, command) and `R` (request, answer). */
export class RedisCluster implements Cluster {
  readonly #link: Link;
  readonly #parts: ClusterParts;
  readonly #waiting = new Map<string, (count: number | undefined) => void>();
  #requests = 0;

  constructor(link: Link, parts: ClusterParts) {
    this.#link = link;
    this.#parts = parts;
    link.on("C", ([, request = "", from = "", json = ""]) => void this.#serve(json, request, from));
    link.on("R", ([, request = "", count]) => this.#waiting.get(request)?.(Number(count)));
    parts.presence.useRollCall((tokens) => this.#callRoll(tokens));
    parts.registry.useRollCall((tokens) => this.#callRoll(tokens));
  }

  nodes(): Promise<NodeStatus[]> {
    return this.#parts.registry.nodes();
  }

  drain(): Promise<void> {
    // Redis may be away, and users leave all the same.
    this.#parts.presence.drain();
    return this.#parts.registry.drain();
  }

  async command(command: Command): Promise<number> {
    const { presence } = this.#parts;
    const only = command.kind === "kick" ? command.connection : undefined;
    // As Redis has it now: a command must not miss a node that is new.
    const nodes = new Set(await presence.locate(command.user, only));
    const isHere = nodes.delete(this.#link.token) || presence.hasUser(command.user);
    const counts = await Promise.all([
      isHere ? presence.runHere(command) : 0,
      ...[...nodes].map((token) => this.#count(token, command)),
    ]);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Nobody is waited for any more. */
  stop(): void {
    for (const answer of this.#waiting.values()) answer(0);
  }

  async #count(token: string, command: Command): Promise<number> {
    const ask = (request: string): void =>
      this.#link.post(token, lineOf("C", request, this.#link.token, JSON.stringify(command)));
    const count = await this.#answerTo(ask);
    if (count === undefined) void this.#reportLate(token);
    return count ?? 0;
  }

  /** Calls itself as well: when nothing comes back from there either, it is not the others that are silent. */
  async #callRoll(tokens: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
    if (tokens.length === 0) return new Map();
    const calls = [this.#link.token, ...tokens].map((token) => this.#isThere(token));
    const [isHere, ...answers] = await Promise.all(calls);
    return new Map(isHere ? tokens.map((token, index) => [token, answers[index] === true]) : []);
  }

  async #isThere(token: string): Promise<boolean> {
    const { token: own } = this.#link;
    const answer = await this.#answerTo((request) => this.#tell(token, "C", request, own, NOTHING));
    return answer !== undefined;
  }

  /** A node that returns is there too, and asks who else is. Who is not told does not answer, which is seen. */
  #tell(token: string, kind: "C" | "R", ...fields: readonly string[]): void {
    this.#parts.traffic.sent(kind, 1);
    this.#link.exec(TELL, REGISTRY, [token, lineOf(kind, ...fields)]).catch(() => undefined);
  }

  /** @returns the answer to a request; undefined when there is none in time */
  async #answerTo(ask: (request: string) => void): Promise<number | undefined> {
    const request = (++this.#requests).toString(36);
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    const timer = setTimeout(() => resolve(undefined), this.#parts.commandTimeoutMs);
    this.#waiting.set(request, resolve);
    ask(request);
    const answer = await promise;
    clearTimeout(timer);
    this.#waiting.delete(request);
    return answer;
  }

  async #reportLate(token: string): Promise<void> {
    const { registry, commandTimeoutMs } = this.#parts;
    const node = (await registry.nameOf(token).catch(() => undefined)) ?? token;
    const late = new TidingsError("unavailable", `node ${node} did not answer within ${commandTimeoutMs} ms`);
    if (!this.#link.isStopped) this.#link.sink.report("command", late);
  }

  /** Answers a failure too, or the one who asks would wait in vain. */
  async #serve(json: string, request: string, from: string): Promise<void> {
    if (json === NOTHING) {
      this.#tell(from, "R", request, "0");
      return;
    }
    let count = 0;
    try {
      // Written by another node, or by the script of an arrival.
      count = await this.#parts.presence.runHere(JSON.parse(json) as Command);
    } catch (error) {
      if (!this.#link.isStopped) this.#link.sink.report("command", error);
    }
    if (request !== "") this.#link.post(from, lineOf("R", request, String(count)));
  }
}

/** In the place of a command: only the answer is wanted. */
const NOTHING = "";
