import type { Attributes } from "@opentelemetry/api";
import { type Channel, isUserChannel, type Receipt } from "../protocol/protocol.ts";

/**
 * Names of attributes, as the semantic conventions of OpenTelemetry have them (messaging 1.27 and later, HTTP 1.23 and later, RPC).
 * What only Tidings has begins with `tidings.`.
 */
export const ATTRIBUTE = {
  system: "messaging.system",
  operation: "messaging.operation.name",
  operationType: "messaging.operation.type",
  destination: "messaging.destination.name",
  template: "messaging.destination.template",
  messageId: "messaging.message.id",
  batch: "messaging.batch.message_count",
  error: "error.type",
  method: "http.request.method",
  route: "http.route",
  status: "http.response.status_code",
  path: "url.path",
  client: "client.address",
  user: "user.id",
  rpcSystem: "rpc.system",
  rpcMethod: "rpc.method",
  requestId: "tidings.request.id",
  connection: "tidings.connection.id",
  node: "tidings.node.id",
  type: "tidings.message.type",
  ephemeral: "tidings.message.ephemeral",
  offset: "tidings.message.offset",
  state: "tidings.receipt.state",
  connections: "tidings.connections",
  dropped: "tidings.dropped",
  nodes: "tidings.nodes",
  login: "tidings.login.by",
} as const;

/** Kinds of channels. Names of spans have these: a name for each user would be one for each message. */
export function templateOf(channel: Channel): string {
  if (channel === "all") return "all";
  return isUserChannel(channel) ? "user:{id}" : "group:{id}";
}

/** A message, as its spans describe it. */
export interface TracedMessage {
  readonly id: string;
  readonly type: string;
  readonly channel: Channel;
  /** Context of its publish, as {@link encodeContext} writes it; undefined unless it is sampled. */
  readonly trace?: string | undefined;
}

/** What the publisher gives a context to. */
export interface PublishedMessage extends TracedMessage {
  trace: string | undefined;
}

type Operation = readonly [name: string, type: string | undefined];

export const OPERATION = {
  publish: ["publish", "send"],
  append: ["append", undefined],
  relay: ["relay", undefined],
  deliver: ["deliver", "process"],
} as const satisfies Record<string, Operation>;

export function messageAttributes([operation, type]: Operation, message: TracedMessage): Attributes {
  return {
    [ATTRIBUTE.system]: "tidings",
    [ATTRIBUTE.operation]: operation,
    [ATTRIBUTE.operationType]: type,
    [ATTRIBUTE.destination]: message.channel,
    [ATTRIBUTE.template]: templateOf(message.channel),
    [ATTRIBUTE.messageId]: message.id,
    [ATTRIBUTE.type]: message.type,
  };
}

export const receiptAttributes = ({ state, connections, nodes, offset }: Receipt): Attributes => ({
  [ATTRIBUTE.state]: state,
  [ATTRIBUTE.connections]: connections,
  [ATTRIBUTE.nodes]: nodes,
  [ATTRIBUTE.offset]: offset,
});
