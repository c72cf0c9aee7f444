import type { Facts, Traced } from "../facts/known.ts";
import type { Finding } from "./finding.ts";
import { gone, reasonsFor } from "./reasons.ts";
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
function aboutAll(facts: Facts, { record, history, isRecorded }: Traced): Finding[] {
  const nodes = answeredIn(facts);
  const known = nodes.flatMap(({ node, message }) => (message === undefined ? [] : [{ node, ...message }]));
  const connections = known.reduce((sum, each) => sum + each.connections, 0);
  const dropped = known.reduce((sum, each) => sum + each.dropped, 0);
  const on = known.filter((each) => each.connections > 0).map(({ node }) => node);
  return [
    ...dropsOf(facts, record.id, dropped),
    ...(connections > 0
      ? [{ code: "delivered" as const, text: `${connections} connections took it, on ${on.join(", ")}` }]
      : []),
    ...(isRecorded && connections + dropped === 0
      ? [{ code: "no_receiver" as const, text: `no connection received ${record.channel} when it came` }]
      : []),
    ...(history === undefined
      ? []
      : history.state === "retained"
        ? [{ code: "stored" as const, text: `the history has it at offset ${record.offset}` }]
        : [gone(record, history.state)]),
  ];
}

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
