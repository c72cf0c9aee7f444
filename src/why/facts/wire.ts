import type { NodeAnswer } from "../../backplane/backplane.ts";
import { isChannel } from "../../protocol/protocol.ts";
import type { NodeFacts, NodeQuestion, NodeReply } from "./known.ts";

/** Reads the question of another node, which may be of another version. */
export function questionOf(fields: Readonly<Record<string, unknown>>): NodeQuestion {
  const { message, user, channels } = fields;
  return {
    message: typeof message === "string" ? message : undefined,
    user: typeof user === "string" ? user : undefined,
    channels: Array.isArray(channels) ? channels.filter(isChannel) : [],
  };
}

/** Reads what a node has answered. One of another version may leave out facts. */
export function replyOf({ node, answer, error }: NodeAnswer): NodeReply {
  if (error !== undefined) return { node, error: error.message };
  const told = answer as Partial<NodeFacts>; // nodeFacts made it
  const none = {
    isRecording: false,
    isPublisher: false,
    receivers: 0,
    latest: [],
    incidents: [],
    connections: [],
  };
  return { node, facts: { ...none, ...told, node } };
}
