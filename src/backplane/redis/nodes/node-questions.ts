import { type LocalNode, noNode } from "../../local-node.ts";
import type { Addressee } from "../../port.ts";
import { type Bus, Requests } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import { LINE, lineOf } from "../wire/lines.ts";
import type { Registry } from "./registry.ts";

export interface NodeQuestionsParts {
  readonly bus: Bus;
  readonly connection: Pick<Connection, "assertUp">;
  readonly node: LocalNode;
  readonly registry: Pick<Registry, "tokens">;
}

/** Longest time for which a node works on an answer: nobody waits for longer. */
const ANSWER_TIMEOUT_MS = 60_000;

/**
 * Questions to other nodes. Lines: `LINE.question` (request, token of the asking node, question) and `LINE.answer` (request, token of
 * the answering node, answer).
 */
export class NodeQuestions {
  readonly #parts: NodeQuestionsParts;
  /** Without the silent nodes of the bus: who does not answer questions, because of an older version, answers commands all the same. */
  readonly #requests = new Requests(ANSWER_TIMEOUT_MS);

  constructor(parts: NodeQuestionsParts) {
    this.#parts = parts;
    const { bus } = parts;
    bus.on(LINE.question, ([, request = "", from = "", question = ""]) => {
      void this.#serve(question, request, from);
    });
    bus.on(LINE.answer, ([, request = "", from = "", answer]) =>
      this.#requests.answered(request, from, answer),
    );
  }

  async ask(question: string, to: Addressee): Promise<ReadonlyMap<string, string | undefined>> {
    const { node } = this.#parts;
    const own = node.info.id;
    const here = (): Promise<string | undefined> => node.asked(question, to.timeoutMs);
    if (to.node === own) return new Map([[own, await here()]]);
    this.#parts.connection.assertUp(); // else the bus would drop the question, and the others would seem silent
    const tokens = await this.#tokensOf(to.node);
    const asked = [...tokens.values()];
    // A single node is waited for in any case: what is asked of it may be an order.
    const awaited = to.node === undefined ? asked.filter((token) => this.#hears(token)) : asked;
    const [others, answer] = await Promise.all([
      this.#send(question, asked, awaited, to.timeoutMs),
      to.node === undefined ? here() : undefined,
    ]);
    const answers = [...tokens].map(([id, token]) => [id, others.get(token)] as const);
    return new Map(to.node === undefined ? [[own, answer], ...answers] : answers);
  }

  /** Stops waiting. */
  stop(): void {
    this.#requests.stop();
  }

  /** Tokens of the other nodes that are asked, by node. @throws TidingsError `not_found` when the one that is named is not registered */
  async #tokensOf(name: string | undefined): Promise<Map<string, string>> {
    const { registry, node } = this.#parts;
    const tokens = await registry.tokens();
    if (name === undefined) {
      tokens.delete(node.info.id);
      return tokens;
    }
    const token = tokens.get(name);
    if (token === undefined) throw noNode(name);
    return new Map([[name, token]]);
  }

  /** False for a node that was killed or cut off, as far as is known: nobody waits for it until the deadline. */
  #hears(token: string): boolean {
    const { bus } = this.#parts;
    return !bus.silent.has(token) && !bus.deaf.has(token);
  }

  /** @returns the answers that came in time, by token */
  #send(
    question: string,
    asked: readonly string[],
    awaited: readonly string[],
    timeoutMs: number,
  ): Promise<ReadonlyMap<string, string>> {
    const { bus } = this.#parts;
    return this.#requests.ask((request) => {
      for (const token of asked) bus.post(token, lineOf(LINE.question, request, bus.token, question));
      return awaited;
    }, timeoutMs);
  }

  async #serve(question: string, request: string, from: string): Promise<void> {
    const { bus, node } = this.#parts;
    try {
      const answer = await node.asked(question, ANSWER_TIMEOUT_MS);
      if (answer !== undefined) bus.answer(from, lineOf(LINE.answer, request, bus.token, answer));
    } catch (error) {
      // The sink does not reject: this node has just stopped, and the other one names it.
      node.report("question", error);
    }
  }
}
