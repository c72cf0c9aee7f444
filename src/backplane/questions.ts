/**
 * Questions to nodes: any node asks one node, by its id, or all nodes, and gets their answers or learns who gave none.
 *
 * - `questions.answer(kind, answerer)` registers the one who answers a kind of questions on this node. An answer is any JSON value;
 *   a TidingsError that the answerer throws reaches the one who asks, with its code.
 * - `questions.askNode(node, { kind, … })` returns the answer of one node, and throws when there is none.
 * - `questions.askAll({ kind, … })` returns an entry for each node: its answer, or the error why it has none.
 *
 * A node that does not answer by the deadline is an error with its name, never a gap. Questions and answers are bounded. This is for
 * operators, at some questions per second: the nodes are looked up for each. Nothing here asks whether a caller may know the
 * answer: a route that asks needs the scope `admin`.
 */
import { type ErrorCode, isErrorCode, TidingsError, toTidingsError } from "../protocol/protocol.ts";
import type { Cluster } from "./cluster.ts";

/** A question. Its fields beside the kind are JSON, and the answerer checks them: a node of another version may have written them. */
export interface Question {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** Answers the questions of a kind on this node. */
export type Answerer = (question: Question) => unknown;

/** Answer of one node, or the error why it has none. */
export type NodeAnswer =
  | { readonly node: string; readonly answer: unknown; readonly error?: undefined }
  /** `timeout`: the node did not answer by the deadline. `too_large`: its answer is. Else the code of the answerer's error. */
  | { readonly node: string; readonly answer?: undefined; readonly error: AnswerError };

export interface AnswerError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Longest question, in bytes of its JSON. */
const MAX_QUESTION_BYTES = 16 * 1_024;

/** Longest answer, in bytes of its JSON. */
const MAX_ANSWER_BYTES = 256 * 1_024;

/** Deadline of the answers, in milliseconds. */
const TIMEOUT_MS = 2_000;

/** The questions of this node to others, and the answers that it gives. */
export class Questions {
  readonly #cluster: Pick<Cluster, "ask">;
  readonly #answerers = new Map<string, Answerer>();

  constructor(cluster: Pick<Cluster, "ask">) {
    this.#cluster = cluster;
  }

  /**
   * Registers the answerer of a kind of questions.
   * @throws TidingsError `conflict` for a kind that has one
   */
  answer(kind: string, answerer: Answerer): void {
    if (this.#answerers.has(kind)) throw new TidingsError("conflict", `there is an answerer of ${kind}`);
    this.#answerers.set(kind, answerer);
  }

  /**
   * Asks one node, which may be this one.
   * @param timeoutMs deadline of the answer. @default 2_000 // 2 s
   * @throws TidingsError `not_found` when no node has this id, `timeout` without an answer, the error of the node, `too_large`,
   * `unavailable` while the backplane is unavailable
   */
  async askNode(node: string, question: Question, timeoutMs = TIMEOUT_MS): Promise<unknown> {
    const texts = await this.#cluster.ask(encoded(question), { node, timeoutMs });
    const { answer, error } = decoded(node, texts.get(node), timeoutMs);
    if (error !== undefined) throw new TidingsError(error.code, error.message);
    return answer;
  }

  /**
   * Asks every node of the cluster, this one included.
   * @param timeoutMs deadline of the answers. @default 2_000 // 2 s
   * @returns an entry for each node, by id
   * @throws TidingsError `too_large` for a long question, `unavailable` while the backplane is unavailable
   */
  async askAll(question: Question, timeoutMs = TIMEOUT_MS): Promise<NodeAnswer[]> {
    const texts = await this.#cluster.ask(encoded(question), { timeoutMs });
    const answers = [...texts].map(([node, text]) => decoded(node, text, timeoutMs));
    return answers.sort((one, other) => (one.node < other.node ? -1 : 1));
  }

  /** Answers a question of any node; `BackplaneSink.asked` is this. Never rejects. */
  readonly asked = async (text: string): Promise<string> => {
    try {
      const question = JSON.parse(text) as Question; // written by `encoded`
      const answerer = this.#answerers.get(question.kind);
      if (answerer === undefined) throw new TidingsError("not_found", `no answer to ${question.kind}`);
      // No value is an answer too, and JSON has none but null.
      const answer = JSON.stringify({ answer: (await answerer(question)) ?? null });
      if (Buffer.byteLength(answer) <= MAX_ANSWER_BYTES) return answer;
      throw new TidingsError("too_large", `the answer has more than ${MAX_ANSWER_BYTES} bytes`);
    } catch (thrown) {
      const { code, message } = toTidingsError(thrown);
      return JSON.stringify({ error: { code, message } });
    }
  };
}

function encoded(question: Question): string {
  const text = JSON.stringify(question);
  if (Buffer.byteLength(text) <= MAX_QUESTION_BYTES) return text;
  throw new TidingsError("too_large", `a question has at most ${MAX_QUESTION_BYTES} bytes`);
}

/** @param text what the node's `asked` returned; undefined without an answer */
function decoded(node: string, text: string | undefined, timeoutMs: number): NodeAnswer {
  if (text === undefined) {
    return {
      node,
      error: { code: "timeout", message: `node ${node} did not answer within ${timeoutMs} ms` },
    };
  }
  const { answer, error } = JSON.parse(text) as { answer?: unknown; error?: AnswerError }; // written by `asked`
  if (error === undefined) return { node, answer };
  // A newer version may have codes that this one lacks.
  const code = isErrorCode(error.code) ? error.code : "internal";
  return { node, error: { code, message: `node ${node}: ${error.message}` } };
}
