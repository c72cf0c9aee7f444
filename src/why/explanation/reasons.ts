import { isUserChannel, userChannel } from "../../protocol/protocol.ts";
import type { Traced, WhyQuery } from "../facts/known.ts";
import type { RecordedMessage } from "../recorder/recorder.ts";
import { absence, noReceiver } from "./absence.ts";
import { codeOf, duration, type Finding } from "./finding.ts";
import { type Session, sessionsAt, type View, wasReceiver } from "./sessions.ts";

/** Time after a delivery in which the end of the connection may have cost the message, in milliseconds: heartbeats find a dead one by then. */
const DOUBTFUL_MS = 60_000;

/** Says what became of a message for one user, the most likely reason first. */
export function reasonsFor(traced: Traced, view: View, query: WhyQuery): Finding[] {
  const { record } = traced;
  const { channel, timestamp } = record;
  const other = notMeant(record, view, query);
  if (other !== undefined) return [other];
  const present = sessionsAt(view, timestamp);
  const receivers = present.filter((session) => wasReceiver(view, session, channel, timestamp));
  const waits = isKept(traced, view);
  // A cursor goes past messages that a connection was not meant to get, and past those of before its join.
  const couldCome =
    receivers.length === 0 ? waits : receivers.some((session) => filterOf(record, session) === undefined);
  const acknowledged = couldCome ? acknowledgements(traced) : [];
  if (acknowledged.length > 0) return [...acknowledged, ...outcomes(traced, view, receivers)];
  if (receivers.length > 0) return [...outcomes(traced, view, receivers), ...remains(traced)];
  const away = present.length > 0 ? noReceiver(view, channel, timestamp) : absence(view, timestamp, waits);
  return waits ? afterwards(traced, view, away) : away;
}

function notMeant(
  { channel, id }: RecordedMessage,
  { user: { user } }: View,
  { group }: WhyQuery,
): Finding | undefined {
  const isForUser = isUserChannel(channel) ? channel === userChannel(user) : true;
  const isForGroup = group === undefined || isUserChannel(channel) || channel === `group:${group}`;
  if (isForUser && isForGroup) return undefined;
  const expected = isForUser ? `the group ${group}` : user;
  return { code: "sent_to_other", channel, text: `the message ${id} went to ${channel}, not to ${expected}` };
}

function acknowledgements({ record: { offset }, cursors }: Traced): Finding[] {
  if (offset === undefined) return [];
  return cursors
    .filter((cursor) => cursor.offset !== undefined && cursor.offset >= offset)
    .map(({ user, device, offset: reached }) => ({
      code: "acknowledged",
      text: `the device ${device} of ${user} has acknowledged offset ${reached}: the message at ${offset} came, look in its application`,
    }));
}

/** True for a message that a later login gets: it is stored, and the channel is the user's own or that of a durable membership. */
const isKept = ({ record: { channel, offset } }: Traced, { user: { user, durable } }: View): boolean =>
  offset !== undefined && (channel === userChannel(user) || durable.includes(channel));

/** Says what happened on each connection that received the channel when the message came: what went wrong first. */
function outcomes(traced: Traced, view: View, receivers: readonly Session[]): Finding[] {
  const all = receivers.map((session) => outcome(traced, view, session));
  return [
    ...all.filter(({ code }) => code !== "delivered"),
    ...all.filter(({ code }) => code === "delivered"),
  ];
}

function outcome(traced: Traced, view: View, session: Session): Finding {
  const { record } = traced;
  const about = { at: record.timestamp, node: session.node, connection: session.id };
  const filter = filterOf(record, session);
  if (filter !== undefined) return { code: "filtered", text: filter, ...about };
  const refused = refusalBy(traced, view, session);
  if (refused !== undefined) return refused;
  if (isMissing(traced, view, session)) {
    const text = `node ${session.node} has no record of the message: it did not come to the node of this connection`;
    return { code: "not_routed", text, ...about };
  }
  return waiting(record, session) ?? lost(record, session) ?? taken(session, about);
}

const taken = ({ id, node }: Session, about: Pick<Finding, "at" | "node" | "connection">): Finding => ({
  code: "delivered",
  text: `node ${node} handed the message to the connection ${id}`,
  ...about,
});

function filterOf({ platforms, except }: RecordedMessage, { id, platform }: Session): string | undefined {
  if (platforms !== undefined && !platforms.includes(platform))
    return `the message was for the platforms ${platforms.join(", ")}, and the connection ${id} is on ${platform}`;
  if (except?.includes(id) !== true) return undefined;
  return `the message left out the connection ${id}, by \`except\` or, on the connection of its sender, by \`echo: false\``;
}

const REFUSALS: Partial<Record<string, string>> = {
  overflow: "and was closed, because its client read too slowly",
  closed: "because it was closing",
};

/** The refusal by a full queue. Of a client that refuses very many, one record stands for the rest of a second. */
function refusalBy({ record }: Traced, view: View, { id }: Session): Finding | undefined {
  const drops = view.incidents("dropped").filter(({ connection }) => connection === id);
  const exact = drops.find(({ message }) => message === record.id);
  const { timestamp } = record;
  const run = drops.find(({ at, until, count }) => count > 1 && at <= timestamp && timestamp <= until);
  const found = exact ?? run;
  if (found === undefined) return undefined;
  const { code = "", at, node, count } = found;
  const why = REFUSALS[code] ?? "because its client reads too slowly";
  const recovery =
    record.offset === undefined
      ? "an ephemeral message is not sent again"
      : "the client asks for it when its queue has drained";
  const what = exact === undefined ? `${count} messages within a moment, this one among them` : "the message";
  const text = `the send queue of the connection ${id} was full and refused ${what}, ${why}; ${recovery}`;
  return { code: code === "closed" ? "disconnected" : "queue_full", text, at, node, connection: id };
}

/** True when the recorder of the connection's node goes back far enough, and does not know the message. */
function isMissing({ record, isRecorded }: Traced, { nodes }: View, { node }: Session): boolean {
  const facts = nodes.find((each) => each.node === node);
  if (!isRecorded || facts?.isRecording !== true) return false;
  if (facts.since !== undefined && facts.since > record.timestamp) return false;
  return facts.message === undefined && facts.latest.every(({ id }) => id !== record.id);
}

function waiting({ channel }: RecordedMessage, { id, node, open }: Session): Finding | undefined {
  if (open === undefined) return undefined;
  if (open.replaying.includes(channel)) {
    const text = `earlier messages of ${channel} are being sent to the connection ${id}, and this one comes after them`;
    return { code: "replaying", text, node, connection: id };
  }
  if (open.stalledMs === 0 || open.pendingMessages === 0) return undefined;
  const { pendingMessages, pendingBytes, stalledMs } = open;
  const text =
    `${pendingMessages} messages (${pendingBytes} bytes) wait in the send queue of the connection ${id}: ` +
    `its socket has taken nothing for ${duration(stalledMs)}`;
  return { code: "queued", text, node, connection: id };
}

/** A connection that ended soon after the delivery may have taken with it what its socket had not sent. */
function lost({ timestamp }: RecordedMessage, { id, node, until, cause }: Session): Finding | undefined {
  if (until === undefined || until - timestamp > DOUBTFUL_MS) return undefined;
  const text =
    `the connection ${id} took the message and ended ${duration(until - timestamp)} later (${cause}): ` +
    "what it had not sent by then is lost to it";
  return { code: codeOf(cause, "disconnected"), text, at: until, node, connection: id };
}

/** What the history says of a message that somebody was there for: later it may have gone, that was no reason. */
function remains({ record, history }: Traced): Finding[] {
  if (history?.state === "retained") return [kept(record)];
  return history?.state === "deleted" ? [gone(record, history.state)] : [];
}

export const kept = ({ channel, offset }: RecordedMessage): Finding => ({
  code: "stored",
  text: `the history of ${channel} has it at offset ${offset}`,
});

/** What became of a stored message for a user who was not there: it waits in the history, was replayed, or is gone. */
function afterwards({ record, history }: Traced, view: View, away: readonly Finding[]): Finding[] {
  if (history === undefined) return [...away];
  if (history.state !== "retained") return [gone(record, history.state), ...away];
  const next = view.sessions.findLast(({ from }) => from > record.timestamp);
  if (next === undefined) {
    const text = `the history of ${record.channel} keeps it at offset ${record.offset}: the next login gets it`;
    return [...away, { code: "stored", text }];
  }
  const text =
    `the connection ${next.id} began ${duration(next.from - record.timestamp)} later, and got it from the history, ` +
    "unless its device had acknowledged or named a later position";
  return [{ code: "delivered", text, at: next.from, node: next.node, connection: next.id }, ...away];
}

const GONE = {
  trimmed: [
    "trimmed",
    "newer messages have taken its place in the history (`history.count`, `history.channelBytes`)",
  ],
  expired: ["expired", "the history keeps messages no longer (`history.ageMs`)"],
  lost: [
    "history_lost",
    "another history has begun since: the former one was evicted, or lost with its Redis",
  ],
  deleted: ["deleted", "its data was deleted"],
} as const;

export function gone({ channel, offset }: RecordedMessage, state: keyof typeof GONE): Finding {
  const [code, why] = GONE[state];
  return {
    code,
    channel,
    text: `the message at offset ${offset} of ${channel} is not there any more: ${why}`,
  };
}
