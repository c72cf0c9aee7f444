import type { Channel } from "../../protocol/protocol.ts";
import type { Facts } from "../facts/known.ts";
import { absence, noReceiver } from "./absence.ts";
import { duration, type Finding, isReason } from "./finding.ts";
import { reasonsFor } from "./reasons.ts";
import type { Located, View } from "./sessions.ts";

/** Says what keeps messages from a user now, and what has kept the last ones from them. */
export function aboutUser(facts: Facts, view: View): Finding[] {
  const { query, messages } = facts;
  const isConnected = view.sessions.some(({ until }) => until === undefined);
  const findings = [
    ...(isConnected ? missing(view, query.group) : absence(view, view.now, true)),
    ...failures(view),
    ...refusals(view),
    ...queues(view),
    ...denials(view),
    ...lastMessages(facts, view),
  ];
  if (messages.length === 0) findings.push(noMessage(view, query.group));
  return unique(findings);
}

/** The group that is asked about, and everyone's channel, if no connection of the user receives them. */
function missing(view: View, group: string | undefined): Finding[] {
  const open = view.sessions.flatMap((session) => session.open ?? []);
  const channels: Channel[] = group === undefined ? ["all"] : [`group:${group}`];
  // A connection of a node that is silent may receive anything.
  if (open.length === 0) return [];
  return channels
    .filter((channel) => open.every(({ receives }) => !receives.includes(channel)))
    .flatMap((channel) => noReceiver(view, channel, view.now));
}

/** Messages that were not published: to the user, or by the user. */
function failures(view: View): Finding[] {
  return view.incidents("failed").map(({ channel, code, detail, user, at, node, connection, count }) => ({
    code: code === "rate_limited" ? "rate_limited" : "send_failed",
    text: `a message of ${user ?? "the application"} to ${channel} was not published: ${code}, ${detail}`,
    ...{ channel, at, node, connection, count: count > 1 ? count : undefined },
  }));
}

/** Refusals by full queues, together for each connection. */
function refusals(view: View): Finding[] {
  const byConnection = Map.groupBy(view.incidents("dropped"), ({ connection }) => connection);
  return [...byConnection].map(([connection, drops]): Finding => {
    const count = drops.reduce((sum, each) => sum + each.count, 0);
    const [last] = drops;
    const text = `the send queue of the connection ${connection} was full and refused ${count} messages: its client reads too slowly`;
    return { code: "queue_full", text, at: last?.until, node: last?.node, connection, count };
  });
}

function queues(view: View): Finding[] {
  return view.sessions.flatMap(({ id, node, open }): Finding[] => {
    if (open === undefined || open.stalledMs === 0 || open.pendingMessages === 0) return [];
    const { pendingMessages, stalledMs } = open;
    const text = `${pendingMessages} messages wait in the send queue of the connection ${id}: its socket has taken nothing for ${duration(stalledMs)}`;
    return [{ code: "queued", text, node, connection: id }];
  });
}

const denials = (view: View): Finding[] => view.incidents("denied").map((each) => denial(view, each));

function denial(view: View, { code, channel, at, node, connection, count }: Located): Finding {
  const text = `the policy refused ${view.user.user} the operation ${code} on ${channel}`;
  return { code: "no_grant", text, channel, at, node, connection, count: count > 1 ? count : undefined };
}

/** What kept the last messages from the user. When all came, the newest one is named. */
function lastMessages({ messages, query }: Facts, view: View): Finding[] {
  const told = messages.map((traced) =>
    reasonsFor(traced, view, query).map((finding) => ({ ...finding, message: traced.record.id })),
  );
  const reasons = told.flatMap((findings) => findings.filter(isReason).slice(0, 1));
  const newest = told
    .flat()
    .filter((finding) => !isReason(finding))
    .slice(0, 1);
  return [...reasons, ...newest];
}

function noMessage({ user: { user } }: View, group: string | undefined): Finding {
  const to = group === undefined ? user : `the group ${group}`;
  return { code: "no_message", text: `the recorders know no message to ${to}` };
}

/** One finding for each code, channel and connection: the first, which is the newest. */
function unique(findings: readonly Finding[]): Finding[] {
  const key = ({ code, channel, connection }: Finding): string => `${code}\n${channel}\n${connection}`;
  return findings.filter(
    (finding, index) => findings.findIndex((each) => key(each) === key(finding)) === index,
  );
}
