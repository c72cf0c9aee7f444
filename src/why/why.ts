/**
 * Why a message did not arrive. Each node remembers in its flight recorder what has befallen the last messages; connections, queues,
 * memberships, rights, histories and cursors are looked up when somebody asks.
 */
import type { Backplane } from "../backplane/backplane.ts";
import { type Channel, idError, isId, TidingsError } from "../protocol/protocol.ts";
import { type Explanation, explain } from "./explanation/explanation.ts";
import type { NodeFacts, NodeQuestion, NodeReply, Traced, UserFacts, WhyQuery } from "./facts/known.ts";
import { type NodePorts, nodeFacts } from "./facts/node.ts";
import {
  channelsOf,
  cursorFacts,
  findInHistory,
  historyFacts,
  receiverOf,
  userFacts,
} from "./facts/shared.ts";
import type { RecordedMessage } from "./recorder/recorder.ts";

export interface WhyPorts extends NodePorts {
  readonly backplane: Pick<Backplane, "broker" | "cursors" | "memberships" | "presence" | "now">;
  /** Asks every node of the cluster, this one included: each answers with {@link Why.answer}. */
  readonly ask: (question: NodeQuestion) => Promise<readonly NodeReply[]>;
  /** For how long a channel keeps its messages, in milliseconds. */
  readonly ageMsOf: (channel: Channel) => number;
}

/** Last messages to a user that are explained. */
const MAX_EXPLAINED = 10;

/** Longest id of a message. */
const MAX_MESSAGE_ID = 255;

/** Explains why messages did not arrive, for all nodes, and tells other nodes what this one knows. */
export class Why {
  readonly #ports: WhyPorts;

  constructor(ports: WhyPorts) {
    this.#ports = ports;
  }

  /** Tells what this node knows. */
  answer(question: NodeQuestion): Promise<NodeFacts> {
    return nodeFacts(this.#ports, question);
  }

  /**
   * Explains where a message went, or why it, or anything, did not come to a user.
   * @throws TidingsError `bad_request` without a message and a user, `unavailable` while the backplane is unavailable
   */
  async explain(query: WhyQuery): Promise<Explanation> {
    assertQuery(query);
    const { message } = query;
    const { backplane } = this.#ports;
    const found = message === undefined ? undefined : await this.#find(message, query);
    const channels = found === undefined ? await channelsOf(backplane, query) : [found.record.channel];
    const user = receiverOf(query, found?.record.channel);
    const [nodes, known] = await Promise.all([
      this.#ports.ask({ message, user, channels }),
      user === undefined ? undefined : userFacts(backplane, user, channels),
    ]);
    const asked = found === undefined ? [] : [found];
    const records =
      message === undefined ? latestOf(nodes).map((record) => ({ record, isRecorded: true })) : asked;
    const messages = await Promise.all(records.map((each) => this.#trace(each, nodes, known)));
    return explain({ query, now: backplane.now(), nodes, messages, user: known });
  }

  /** Finds a message in the recorders of the nodes, or else in the histories in which it may be. */
  async #find(
    id: string,
    query: WhyQuery,
  ): Promise<{ readonly record: RecordedMessage; readonly isRecorded: boolean } | undefined> {
    const { backplane, ask } = this.#ports;
    const [record] = factsIn(await ask({ message: id, channels: [] })).flatMap(
      ({ message }) => message ?? [],
    );
    if (record !== undefined) return { record, isRecorded: true };
    const old = await findInHistory(backplane, id, await channelsOf(backplane, query));
    return old && { record: old, isRecorded: false };
  }

  /** Adds what the history and the cursors say of a stored message. */
  async #trace(
    { record, isRecorded }: Omit<Traced, "history" | "cursors">,
    nodes: readonly NodeReply[],
    user: UserFacts | undefined,
  ): Promise<Traced> {
    if (record.offset === undefined) return { record, isRecorded, cursors: [] };
    const { backplane, ageMsOf } = this.#ports;
    const [history, cursors] = await Promise.all([
      historyFacts(backplane, record, backplane.now(), ageMsOf(record.channel)),
      user === undefined ? [] : cursorFacts(backplane, record, user, factsIn(nodes)),
    ]);
    // A cursor of another history says nothing about this message.
    return { record, isRecorded, history, cursors: history.state === "lost" ? [] : cursors };
  }
}

const factsIn = (nodes: readonly NodeReply[]): NodeFacts[] => nodes.flatMap(({ facts }) => facts ?? []);

/** The last messages of all nodes, each once, the newest first. */
function latestOf(nodes: readonly NodeReply[]): RecordedMessage[] {
  const byId = new Map(
    factsIn(nodes).flatMap(({ latest }) => latest.map((each) => [each.id, each] as const)),
  );
  return [...byId.values()].sort((one, other) => other.timestamp - one.timestamp).slice(0, MAX_EXPLAINED);
}

/** @throws TidingsError `bad_request` */
function assertQuery({ message, user, group }: WhyQuery): void {
  if (message === undefined && user === undefined)
    throw new TidingsError("bad_request", "expected the id of a message, or a user");
  if (message !== undefined && (typeof message !== "string" || message.length > MAX_MESSAGE_ID))
    throw new TidingsError(
      "bad_request",
      `message: expected the id of a message, of at most ${MAX_MESSAGE_ID} characters`,
    );
  if (user !== undefined && !isId(user)) throw idError("user");
  if (group !== undefined && !isId(group)) throw idError("group");
}

export {
  type AskedNode,
  type Explanation,
  FINDING_CODES,
  type Finding,
  type FindingCode,
  type MessageStory,
} from "./explanation/explanation.ts";
export type {
  DeviceCursor,
  HistoryFacts,
  NodeQuestion,
  NodeReply,
  OpenConnection,
  WhyQuery,
} from "./facts/known.ts";
export { questionOf, replyOf } from "./facts/wire.ts";
export { FlightRecorder } from "./recorder/recorder.ts";
