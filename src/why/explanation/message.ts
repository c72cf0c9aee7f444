import type { Facts, Traced } from "../facts/known.ts";
import type { Finding } from "./finding.ts";
import { gone, kept, reasonsFor } from "./reasons.ts";
import { answeredIn, incidentsIn, type View } from "./sessions.ts";

/** Connections that are named one by one. */
const MAX_NAMED = 20;

/** Says where a message went, or why a user did not get it. */
export function aboutMessage(facts: Facts, asked: Traced | undefined, view: View | undefined): Finding[] {
  if (asked === undefined) {
    const text = `no node knows a message ${facts.query.message}: it was not published, is too old, or its channel must be named`;
    return [{ code: "unknown_message", text }];
  }
  return view === undefined ? aboutAll(facts, asked) : reasonsFor(asked, view, facts.query);
}

/** Says what became of a message for everybody to whom it went. */
function aboutAll(facts: Facts, traced: Traced): Finding[] {
  const { record, history, isRecorded } = traced;
  const known = answeredIn(facts).flatMap(({ node, message }) => (message ? [{ node, ...message }] : []));
  const connections = known.reduce((sum, each) => sum + each.connections, 0);
  const dropped = known.reduce((sum, each) => sum + each.dropped, 0);
  const findings = dropsOf(facts, record.id, dropped);
  if (connections > 0) {
    const on = known.filter((each) => each.connections > 0).map(({ node }) => node);
    findings.push({ code: "delivered", text: `${connections} connections took it, on ${on.join(", ")}` });
  } else if (isRecorded && dropped === 0 && isKnownEverywhere(facts, record.timestamp))
    findings.push({ code: "no_receiver", text: `no connection received ${record.channel} when it came` });
  if (history === undefined) return findings;
  return [...findings, history.state === "retained" ? kept(record) : gone(record, history.state)];
}

/** False when the record of a node may be missing, because it has forgotten messages of that time, or recorded only some of them. */
const isKnownEverywhere = (facts: Facts, timestamp: number): boolean =>
  answeredIn(facts).every(({ since }) => since === undefined || since <= timestamp);

function dropsOf(facts: Facts, id: string, dropped: number): Finding[] {
  const named = incidentsIn(answeredIn(facts))
    .filter(({ kind, message }) => kind === "dropped" && message === id)
    .slice(0, MAX_NAMED)
    .map(
      ({ at, node, connection, user }): Finding => ({
        code: "queue_full",
        text: `the send queue of the connection ${connection} of ${user} was full and refused it`,
        ...{ at, node, connection },
      }),
    );
  const others = dropped - named.length;
  if (others <= 0) return named;
  return [
    ...named,
    { code: "queue_full", text: `${others} further full send queues refused it`, count: others },
  ];
}
