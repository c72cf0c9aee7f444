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
  readonly #waiting = new Map<string, (count: number) => void>();
  #requests = 0;

  constructor(link: Link, parts: ClusterParts) {
    this.#link = link;
    this.#parts = parts;
    link.on("C", ([, request = "", from = "", json = ""]) => {
      const command = JSON.parse(json) as Command; // written by another node, or by the script of an arrival
      void this.#serve(command, request, from);
    });
    link.on("R", ([, request = "", count]) => this.#waiting.get(request)?.(Number(count)));
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
      ...[...nodes].map((token) => this.#ask(token, command)),
    ]);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Nobody is waited for any more. */
  stop(): void {
    for (const answer of this.#waiting.values()) answer(0);
  }

  async #ask(token: string, command: Command): Promise<number> {
    const request = (++this.#requests).toString(36);
    const { promise, resolve } = Promise.withResolvers<number>();
    const timer = setTimeout(() => {
      resolve(0);
      void this.#reportLate(token);
    }, this.#parts.commandTimeoutMs);
    this.#waiting.set(request, resolve);
    this.#link.post(token, lineOf("C", request, this.#link.token, JSON.stringify(command)));
    const count = await promise;
    clearTimeout(timer);
    this.#waiting.delete(request);
    return count;
  }

  async #reportLate(token: string): Promise<void> {
    const { registry, commandTimeoutMs } = this.#parts;
    const node = (await registry.nameOf(token).catch(() => undefined)) ?? token;
    const late = new TidingsError("unavailable", `node ${node} did not answer within ${commandTimeoutMs} ms`);
    if (!this.#link.isStopped) this.#link.sink.report("command", late);
  }

  /** Answers a failure too, or the one who asks would wait in vain. */
  async #serve(command: Command, request: string, from: string): Promise<void> {
    let count = 0;
    try {
      count = await this.#parts.presence.runHere(command);
    } catch (error) {
      if (!this.#link.isStopped) this.#link.sink.report("command", error);
    }
    if (request !== "") this.#link.post(from, lineOf("R", request, String(count)));
  }
}
