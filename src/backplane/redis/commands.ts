import { TidingsError } from "../../protocol/protocol.ts";
import type { Cluster, Command, NodeStatus } from "../port.ts";
import { lineOf } from "./line.ts";
import type { Link } from "./link.ts";
import type { RedisPresence } from "./presence.ts";
import type { Registry } from "./registry.ts";

export interface ClusterParts {
  readonly registry: Registry;
  readonly presence: RedisPresence;
  /** A node that has not answered after so long counts as 0. */
  readonly commandTimeoutMs: number;
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
    parts.presence.useProbe((tokens) => this.#silentAmong(tokens));
  }

  nodes(): Promise<NodeStatus[]> {
    return this.#parts.registry.nodes();
  }

  drain(): Promise<void> {
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
    const count = await this.#ask(token, JSON.stringify(command));
    if (count === undefined) void this.#reportLate(token);
    return count ?? 0;
  }

  /** Asks itself as well: when nothing comes back from there either, it is not the others that are silent. */
  async #silentAmong(tokens: readonly string[]): Promise<string[]> {
    if (tokens.length === 0) return [];
    const asked = [this.#link.token, ...tokens].map((token) => this.#ask(token, NOTHING));
    const [own, ...answers] = await Promise.all(asked);
    return own === undefined ? [] : tokens.filter((_, index) => answers[index] === undefined);
  }

  /** @returns the answer; undefined when there is none in time */
  async #ask(token: string, json: string): Promise<number | undefined> {
    const request = (++this.#requests).toString(36);
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    const timer = setTimeout(() => resolve(undefined), this.#parts.commandTimeoutMs);
    this.#waiting.set(request, resolve);
    this.#link.post(token, lineOf("C", request, this.#link.token, json));
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
    let count = 0;
    try {
      // Written by another node, or by the script of an arrival.
      if (json !== NOTHING) count = await this.#parts.presence.runHere(JSON.parse(json) as Command);
    } catch (error) {
      if (!this.#link.isStopped) this.#link.sink.report("command", error);
    }
    if (request !== "") this.#link.post(from, lineOf("R", request, String(count)));
  }
}

/** In the place of a command: only the answer is wanted. */
const NOTHING = "";
