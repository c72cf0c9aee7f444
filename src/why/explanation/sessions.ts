import { type Channel, userChannel } from "../../protocol/protocol.ts";
import type { Facts, NodeFacts, OpenConnection, UserFacts } from "../facts/known.ts";
import type { Incident, IncidentKind } from "../recorder/recorder.ts";

/** A connection of the user, open or ended. */
export interface Session {
  readonly id: string;
  readonly node: string;
  readonly platform: string;
  readonly from: number;
  /** Undefined: it is open. */
  readonly until: number | undefined;
  /** Class of the end. */
  readonly cause: string | undefined;
  /** Undefined when it has ended, or its node did not answer. */
  readonly open: OpenConnection | undefined;
}

/** An incident with the node that has recorded it. */
export type Located = Incident & { readonly node: string };

/** The facts as one user sees them. */
export interface View {
  readonly user: UserFacts;
  readonly now: number;
  readonly nodes: readonly NodeFacts[];
  readonly sessions: readonly Session[];
  /** All incidents of one kind, the newest first. */
  incidents(kind: IncidentKind): readonly Located[];
}

export const answeredIn = ({ nodes }: Facts): NodeFacts[] =>
  nodes.flatMap(({ facts }) => (facts === undefined ? [] : [facts]));

export function incidentsIn(nodes: readonly NodeFacts[]): Located[] {
  const all = nodes.flatMap(({ node, incidents }) => incidents.map((incident) => ({ ...incident, node })));
  return all.sort((one, other) => other.until - one.until);
}

export function viewOf(facts: Facts, user: UserFacts): View {
  const nodes = answeredIn(facts);
  const byKind = Map.groupBy(incidentsIn(nodes), ({ kind }) => kind);
  const incidents = (kind: IncidentKind): readonly Located[] => byKind.get(kind) ?? [];
  return { user, now: facts.now, nodes, sessions: sessionsOf(user, nodes, incidents("ended")), incidents };
}

/** All connections that are known, the newest first. */
function sessionsOf(
  { user, connections }: UserFacts,
  nodes: readonly NodeFacts[],
  ended: readonly Located[],
): Session[] {
  const open = nodes.flatMap((facts) => facts.connections);
  const isOpen = (id: string): boolean => open.some((each) => each.id === id);
  const sessions: Session[] = [
    ...open.map((each) => ({
      ...each,
      from: each.connectedAt,
      until: undefined,
      cause: undefined,
      open: each,
    })),
    // Of nodes that do not answer.
    ...connections
      .filter(({ id }) => !isOpen(id) && !ended.some(({ connection }) => connection === id))
      .map((each) => ({
        ...each,
        from: each.connectedAt,
        until: undefined,
        cause: undefined,
        open: undefined,
      })),
    ...ended
      .filter((each) => each.user === user)
      .map(({ connection = "", node, platform = "", connectedAt = 0, until, code }) => ({
        ...{ id: connection, node, platform, from: connectedAt, until, cause: code, open: undefined },
      })),
  ];
  return sessions.sort((one, other) => other.from - one.from);
}

export const sessionsAt = ({ sessions }: View, at: number): Session[] =>
  sessions.filter(({ from, until = Number.POSITIVE_INFINITY }) => from <= at && at < until);

/** Tells whether a connection received a channel at a time. */
export function wasReceiver(view: View, { id, open }: Session, channel: Channel, at: number): boolean {
  const { user, durable } = view.user;
  if (channel === userChannel(user)) return true;
  if (channel === "all") return open?.receives.includes("all") ?? true;
  const moves = [...view.incidents("joined"), ...view.incidents("left")]
    .filter((move) => move.connection === id && move.channel === channel)
    .sort((one, other) => one.at - other.at);
  const before = moves.findLast((move) => move.at <= at);
  if (before !== undefined) return before.kind === "joined";
  const [after] = moves;
  if (after !== undefined) return after.kind === "left";
  return open?.receives.includes(channel) ?? durable.includes(channel);
}
