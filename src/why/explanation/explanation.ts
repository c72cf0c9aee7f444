/** From what is known to an answer: pure functions. */
import type { Channel } from "../../protocol/protocol.ts";
import type { DeviceCursor, Facts, HistoryFacts, OpenConnection, Traced } from "../facts/known.ts";
import type { Finding } from "./finding.ts";
import { aboutMessage } from "./message.ts";
import { answeredIn, viewOf } from "./sessions.ts";
import { aboutUser } from "./user.ts";

/** Why a message did not arrive, as far as the nodes know. */
export interface Explanation {
  /** Who was asked about, or to whom alone the message went. */
  readonly user?: string | undefined;
  /** What was found, the most likely reason first. There is always one. */
  readonly findings: readonly Finding[];
  /** The message that was asked about, if any node knows it. */
  readonly message?: MessageStory | undefined;
  /** Open connections of the user, on the nodes that answered. */
  readonly connections?: readonly OpenConnection[] | undefined;
  /** The nodes, and how far back the recorder of each goes. */
  readonly nodes: readonly AskedNode[];
}

/** Where a message went. */
export interface MessageStory {
  readonly id: string;
  readonly channel: Channel;
  readonly from?: string | undefined;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Absent for an ephemeral message. */
  readonly offset?: number | undefined;
  readonly platforms?: readonly string[] | undefined;
  readonly except?: readonly string[] | undefined;
  /** Node that published it; absent when that process has ended. */
  readonly publisher?: string | undefined;
  /** What each node did with it. */
  readonly nodes: readonly {
    readonly node: string;
    /** Connections that took it, and those whose full queues refused it. Absent: the node has no record of it. */
    readonly connections?: number | undefined;
    readonly dropped?: number | undefined;
    /** Connections that receive its channel now. */
    readonly receivers: number;
  }[];
  /** Where it stands in its history. */
  readonly history?: HistoryFacts | undefined;
  /** How far the devices of the user have acknowledged its channel. */
  readonly acknowledged: readonly DeviceCursor[];
}

/** A node that was asked. */
export interface AskedNode {
  readonly node: string;
  /** False when it has no flight recorder: the setting `recorder.messages` is 0. */
  readonly recording?: boolean | undefined;
  /** Time of the oldest message that it remembers. */
  readonly since?: number | undefined;
  /** Why it did not answer. */
  readonly error?: string | undefined;
}

export function explain(facts: Facts): Explanation {
  const { query, messages, user, nodes } = facts;
  const [asked] = query.message === undefined ? [] : messages;
  const view = user === undefined ? undefined : viewOf(facts, user);
  const found = query.message !== undefined ? aboutMessage(facts, asked, view) : [];
  const findings = query.message === undefined && view !== undefined ? aboutUser(facts, view) : found;
  const doubts = doubtsOf(facts, asked);
  return {
    user: user?.user,
    findings: findings.length + doubts.length === 0 ? [NO_CAUSE] : [...findings, ...doubts],
    message: asked && storyOf(facts, asked),
    connections: user && answeredIn(facts).flatMap(({ connections }) => connections),
    nodes: nodes.map(({ node, facts: told, error }) => ({
      ...{ node, recording: told?.isRecording, since: told?.since, error },
    })),
  };
}

const NO_CAUSE: Finding = {
  code: "no_cause",
  text: "nothing was found that keeps messages from the user: look in the application of the client",
};

/** What makes the findings less certain. */
function doubtsOf({ nodes, query, now }: Facts, asked: Traced | undefined): Finding[] {
  const silent: Finding[] = nodes.flatMap(({ node, error }) =>
    error === undefined ? [] : [{ code: "node_silent", node, text: `node ${node} told nothing: ${error}` }],
  );
  const recording = nodes.filter(({ facts }) => facts?.isRecording === true);
  const isForgotten = query.message !== undefined && asked?.isRecorded !== true;
  if (recording.length > 0 && !isForgotten) return silent;
  const oldest = Math.min(now, ...recording.map(({ facts }) => facts?.since ?? now));
  const text =
    recording.length === 0
      ? "no node has a flight recorder (`recorder.messages` is 0): what has happened is not known, only what is now"
      : `the recorders have every message since ${new Date(oldest).toISOString()} (\`recorder.messages\`), and not all before`;
  return [...silent, { code: "not_recorded", text }];
}

function storyOf(facts: Facts, { record, history, cursors }: Traced): MessageStory {
  const { id, channel, from, timestamp, offset, platforms, except } = record;
  const nodes = answeredIn(facts);
  return {
    ...{ id, channel, from, timestamp, offset, platforms, except },
    publisher: nodes.find(({ isPublisher }) => isPublisher)?.node,
    nodes: nodes.map(({ node, message, receivers }) => ({
      ...{ node, connections: message?.connections, dropped: message?.dropped, receivers },
    })),
    history,
    acknowledged: cursors,
  };
}

export { FINDING_CODES, type Finding, type FindingCode } from "./finding.ts";
