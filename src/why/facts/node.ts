import type { Backplane } from "../../backplane/backplane.ts";
import type { Connection, Local } from "../../local/local.ts";
import { type Channel, groupChannel, userChannel } from "../../protocol/protocol.ts";
import { byClockOf, type FlightRecorder, type Glance } from "../recorder/recorder.ts";
import type { NodeFacts, NodeQuestion, OpenConnection } from "./known.ts";

export interface NodePorts {
  readonly node: string;
  readonly local: Local;
  /** Has the clock of all nodes. */
  readonly backplane: Pick<Backplane, "now">;
  /** @default nothing is recorded */
  readonly recorder: FlightRecorder | undefined;
  /** Tells whether this process has given the id to a message. */
  readonly isPublisher: (id: string) => boolean;
  /** Asks the policy whether a connection may join a group. @returns why not; undefined: it may */
  readonly refusal: (connection: Connection, channel: Channel) => Promise<string | undefined>;
}

/** Incidents in an answer that matter for the same reason. */
const MAX_INCIDENTS = 20;

/** Messages in an answer. */
const MAX_MESSAGES = 20;

/** Connections in an answer: a user may have any number of them. */
const MAX_CONNECTIONS = 20;

/**
 * Collects what this node knows. Nothing of it was collected before: connections, queues and rights are looked up now, in the same moment
 * with which the looks at the recorder begin. So nobody who leaves meanwhile is missed by both.
 */
export async function nodeFacts(ports: NodePorts, question: NodeQuestion): Promise<NodeFacts> {
  const { node, local, recorder, isPublisher } = ports;
  const { message, user, channels } = question;
  const own = user === undefined ? [] : local.connectionsOf(user).slice(0, MAX_CONNECTIONS);
  const known = {
    node,
    isRecording: recorder !== undefined,
    isPublisher: message !== undefined && isPublisher(message),
    receivers: message === undefined ? 0 : receiversOf(local, channels),
  };
  const [recorded, connections] = await Promise.all([
    recorder === undefined ? { latest: [], incidents: [] } : recordedBy(recorder, question),
    Promise.all(own.map((connection) => openConnection(ports, connection, channels))),
  ]);
  return { ...known, ...recorded, connections };
}

async function recordedBy(
  recorder: FlightRecorder,
  question: NodeQuestion,
): Promise<Pick<NodeFacts, "since" | "message" | "latest" | "incidents">> {
  const { message: id, channels } = question;
  const [message, latest, incidents] = await Promise.all([
    id === undefined ? undefined : recorder.message(id),
    id === undefined ? recorder.latest(channels, MAX_MESSAGES) : [],
    recorder.incidents(MAX_INCIDENTS, reasonsFor(question)),
  ]);
  // Read last, so that it tells of what was overwritten meanwhile.
  return { since: recorder.since, message, latest, incidents };
}

/**
 * Why an incident matters: it is the user's own, kept the message from others, kept another message from a channel, or turned away nobody
 * knows whom. Each reason has its own place in the answer, so that what befell others hides nothing of the user, and the user's other
 * groups hide nothing of those asked about.
 */
function reasonsFor({ message, user, channels }: NodeQuestion): (incident: Glance) => string | undefined {
  const isOfMessage = (incident: Glance): boolean =>
    message !== undefined && incident.kind === "dropped" && incident.is("message", message);
  const isOnChannel = (incident: Glance): boolean =>
    channels.some((channel) => incident.is("channel", channel));
  return (incident) => {
    const { kind } = incident;
    if (user !== undefined && incident.is("user", user)) {
      if (isOfMessage(incident)) return "the message";
      return isOnChannel(incident) ? `${kind} on the channel` : kind;
    }
    if (kind === "failed") return isOnChannel(incident) ? "failed of others" : undefined;
    if (isOfMessage(incident)) return "dropped of others";
    const isStranger = kind === "turned_away" && incident.is("user", undefined);
    return user !== undefined && isStranger ? "stranger" : undefined;
  };
}

function receiversOf(local: Local, channels: readonly Channel[]): number {
  let count = 0;
  for (const channel of channels) local.eachMember(channel, () => count++);
  return count;
}

async function openConnection(
  ports: NodePorts,
  connection: Connection,
  channels: readonly Channel[],
): Promise<OpenConnection> {
  const { id, user, platform, device, address } = connection;
  const connectedAt = byClockOf(ports.backplane.now, connection.connectedAt);
  const { pendingMessages, pendingBytes, stalledSince } = connection;
  const receives = channels.filter((channel) => isReceiver(connection, channel));
  const missing = channels.filter((channel) => channel.startsWith("group:") && !receives.includes(channel));
  const denied = await Promise.all(
    missing.map(async (channel) => ({ channel, reason: await ports.refusal(connection, channel) })),
  );
  return {
    ...{ id, user, node: ports.node, platform, device, connectedAt, address, receives },
    replaying: channels.filter((channel) => connection.holdOf(channel) !== undefined),
    denied: denied.flatMap(({ channel, reason }) => (reason === undefined ? [] : [{ channel, reason }])),
    ...{ pendingMessages, pendingBytes },
    stalledMs: stalledSince === 0 ? 0 : Math.round(performance.now() - stalledSince),
  };
}

function isReceiver({ user, receivesAll, groups }: Connection, channel: Channel): boolean {
  if (channel === "all") return receivesAll;
  return channel === userChannel(user) || groups.some((group) => groupChannel(group) === channel);
}
