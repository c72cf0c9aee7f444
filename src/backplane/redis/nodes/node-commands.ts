import { TidingsError } from "../../../protocol/protocol.ts";
import type { LocalNode } from "../../local-node.ts";
import type {
  Addressee,
  Adjustable,
  AtOnce,
  Cluster,
  Command,
  CommandResult,
  NodeStatus,
} from "../../port.ts";
import { type Bus, Requests } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import type { RedisPresence } from "../presence/presence.ts";
import { LINE, lineOf } from "../wire/lines.ts";
import type { Adjustments } from "./adjustments.ts";
import { NodeQuestions } from "./node-questions.ts";
import type { Registry } from "./registry.ts";

export interface NodeCommandsParts {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly registry: Registry;
  readonly presence: RedisPresence;
  readonly adjustments: Adjustments;
  /** Timeout of an answer. */
  readonly commandTimeoutMs: number;
}

/** Replaces the command in a roll call, which asks only for an answer. */
const ROLL_CALL = "";

/**
 * Commands to other nodes, and the list of all nodes. Commands and answers are lines: `LINE.command` (request, token of the
 * asking node, command) and `LINE.reply` (request, answer, token of the answering node).
 */
export class NodeCommands implements Cluster {
  readonly #parts: NodeCommandsParts;
  readonly #requests: Requests;
  readonly #questions: NodeQuestions;

  constructor(parts: NodeCommandsParts) {
    const { bus, presence, registry, commandTimeoutMs } = parts;
    this.#parts = parts;
    this.#requests = new Requests(commandTimeoutMs, bus.silent);
    this.#questions = new NodeQuestions(parts);
    bus.on(LINE.command, ([, request = "", from = "", json = ""]) => void this.#serve(json, request, from));
    bus.on(LINE.reply, ([, request = "", count, from = ""]) => this.#requests.answered(request, from, count));
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

  async command(command: Command): Promise<CommandResult> {
    const { presence, bus } = this.#parts;
    const only = command.kind === "kick" ? command.connection : undefined;
    // Read from Redis, not from a cache: a command must not miss a node that is new.
    const nodes = new Set(await presence.locate(command.user, only));
    const isHere = nodes.delete(bus.token) || presence.hasUser(command.user);
    const silent = [...nodes].filter((token) => bus.silent.has(token));
    const [here, answers] = await Promise.all([
      isHere ? presence.runHere(command) : 0,
      this.#ask([...nodes], command),
    ]);
    const unconfirmed = [...nodes].filter((token) => !answers.has(token));
    for (const token of unconfirmed) if (!silent.includes(token)) void this.#reportSilent(token);
    if (command.kind === "kick" && unconfirmed.length > 0) await presence.evict(command, unconfirmed);
    const connections = [...answers.values()].reduce((sum, count) => sum + Number(count), here);
    return { connections, unconfirmed: unconfirmed.length };
  }

  adjust(name: Adjustable, value: string, atOnce?: AtOnce): Promise<void> {
    return this.#parts.adjustments.set(name, value, atOnce);
  }

  propose(name: Adjustable, value: string): Promise<void> {
    return this.#parts.adjustments.propose(name, value);
  }

  ask(question: string, to: Addressee): Promise<ReadonlyMap<string, string | undefined>> {
    return this.#questions.ask(question, to);
  }

  /** Stops waiting: nodes that have not answered yet count as unconfirmed. */
  stop(): void {
    this.#requests.stop();
    this.#questions.stop();
  }

  /** @returns the counts of the nodes that answered in time */
  #ask(tokens: readonly string[], command: Command): Promise<ReadonlyMap<string, string>> {
    const { bus } = this.#parts;
    const json = JSON.stringify(command);
    return this.#requests.ask((request) => {
      for (const token of tokens) bus.post(token, lineOf(LINE.command, request, bus.token, json));
      return tokens;
    });
  }

  /** Calls this node as well: when not even this node hears the call, the silence of the others means nothing. */
  async #callRoll(tokens: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
    if (tokens.length === 0) return new Map();
    const { bus } = this.#parts;
    const { token: own } = bus;
    const asked = [own, ...tokens];
    const answers = await this.#requests.ask((request) => {
      const call = lineOf(LINE.command, request, own, ROLL_CALL);
      // A failure shows as a missing answer.
      for (const token of asked) bus.tell(token, call).catch(() => undefined);
      return asked;
    });
    return new Map(answers.has(own) ? tokens.map((token) => [token, answers.has(token)]) : []);
  }

  async #reportSilent(token: string): Promise<void> {
    const { registry, commandTimeoutMs } = this.#parts;
    const name = (await registry.nameOf(token).catch(() => undefined)) ?? token;
    this.#report(
      new TidingsError("unavailable", `node ${name} did not answer within ${commandTimeoutMs} ms`),
    );
  }

  /** Runs a command of another node. A failure is answered too, as 0: otherwise the asking node would wait until its timeout. */
  async #serve(json: string, request: string, from: string): Promise<void> {
    const { bus } = this.#parts;
    let count = 0;
    try {
      // Written by another node, or by the script of an arrival.
      if (json !== ROLL_CALL) count = await this.#parts.presence.runHere(JSON.parse(json) as Command);
    } catch (error) {
      this.#report(error);
    }
    if (request !== "") bus.answer(from, lineOf(LINE.reply, request, String(count), bus.token));
  }

  #report(error: unknown): void {
    const { connection, node } = this.#parts;
    if (!connection.isStopped) node.report("command", error);
  }
}
