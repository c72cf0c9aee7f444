import { connectionColumns, GROUP_COLUMNS, nodeColumns, stateOf } from "./columns.ts";
import { countText, rateText } from "./figures.ts";
import type { NodeRow, Snapshot } from "./snapshot.ts";
import { layTable } from "./table.ts";
import { cut, inColumn, safeText, widthOf } from "./text.ts";

/** Orders of the nodes. */
export const SORTS = ["name", "connections", "out", "loop"] as const;
export type Sort = (typeof SORTS)[number];

/** How a snapshot is shown. */
export interface View {
  /** Columns of the screen. */
  readonly width: number;
  /** Lines of the screen. Infinite: everything is shown. */
  readonly height: number;
  readonly sort: Sort;
  /** True: with the colours of the terminal. */
  readonly isColoured: boolean;
  /** The last line, such as the keys. @default none */
  readonly footer?: string;
  /** Why the snapshot is not of this moment. @default it is */
  readonly problem?: string | undefined;
}

/** Alerts on a screen of limited height, at most: the tables are below. */
const MAX_ALERTS = 4;

/** Lines of a screen beside alerts, footer and rows: title, three headers, two empty lines. */
const FRAME_LINES = 6;

/**
 * Renders a snapshot as lines, none wider than the screen and not more than it has. Text of users and servers is escaped: the only control
 * characters are those of the colours.
 */
export function renderTop(snapshot: Snapshot, view: View): string[] {
  const { width, height, footer } = view;
  const paint = painter(view);
  const alerts = alertsOf(snapshot, view);
  const shownAlerts = height === Number.POSITIVE_INFINITY ? alerts : shortened(alerts, MAX_ALERTS);
  const room = height - FRAME_LINES - shownAlerts.length - (footer === undefined ? 0 : 1);
  const nodes = nodeSection(snapshot, view, paint);
  const { header: groupHeader, lines: groups } = layTable(GROUP_COLUMNS, snapshot.groups, width);
  const columns = connectionColumns(snapshot.at);
  const { header: clientHeader, lines: clients } = layTable(columns, snapshot.connections, width);
  const [nodeRoom = 0, groupRoom = 0, clientRoom = 0] = shares(room, [
    nodes.lines.length,
    Math.max(1, groups.length),
    Math.max(1, clients.length),
  ]);
  const lines = [
    paint("bold", titleOf(snapshot, width)),
    ...shownAlerts.map((alert) => paint("red", cut(safeText(alert), width))),
    paint("reverse", nodes.header),
    ...nodesWithin(nodes.lines, nodeRoom, width),
    "",
    paint("reverse", groupHeader),
    ...orNone(groups, "no messages to groups in the last seconds", width).slice(0, groupRoom),
    "",
    paint("reverse", clientHeader),
    ...orNone(clients, "none: all clients keep up", width).slice(0, clientRoom),
  ];
  const kept = lines.slice(0, footer === undefined ? height : Math.max(0, height - 1));
  return footer === undefined ? kept : [...kept, paint("dim", cut(safeText(footer), width))];
}

function nodeSection({ nodes, at }: Snapshot, { width, sort }: View, paint: Paint) {
  const sorted = [...nodes].sort(ORDERS[sort]);
  const { header, lines } = layTable(nodeColumns(at), sorted, width);
  return { header, lines: lines.map((line, index) => paint(colourOf(sorted[index]), line)) };
}

const ORDERS: Readonly<Record<Sort, (one: NodeRow, other: NodeRow) => number>> = {
  name: (one, other) => (one.node < other.node ? -1 : 1),
  connections: falling(({ connections }) => connections),
  out: falling(({ rates }) => rates.delivered),
  loop: falling(({ loop }) => loop.utilization),
};

type Statistics = NonNullable<NodeRow["statistics"]>;

/** Nodes that have not answered come first: they are what an operator looks for. */
function falling(figureOf: (statistics: Statistics) => number) {
  const weigh = ({ statistics }: NodeRow): number =>
    statistics === undefined ? Number.MAX_VALUE : figureOf(statistics);
  return (one: NodeRow, other: NodeRow): number => weigh(other) - weigh(one);
}

/** One line of what the cluster does, and when that was. */
function titleOf({ nodes, at }: Snapshot, width: number): string {
  const all = nodes.flatMap(({ statistics }) => (statistics === undefined ? [] : [statistics]));
  const sum = (of: (statistics: Statistics) => number): number =>
    all.reduce((total, each) => total + of(each), 0);
  const dropped = sum(({ rates }) => rates.dropped);
  const facts = [
    `${nodes.length} ${nodes.length === 1 ? "node" : "nodes"}`,
    `${countText(sum(({ connections }) => connections))} conns`,
    `in ${rateText(sum(({ rates }) => rates.received))}/s`,
    `out ${rateText(sum(({ rates }) => rates.delivered))}/s`,
    ...(dropped > 0 ? [`drop ${rateText(dropped)}/s`] : []),
  ];
  const left = `tidings top  ${facts.join(", ")}`;
  const right = `${new Date(at).toISOString().slice(11, 19)}Z`;
  return inColumn(left, Math.max(0, width - widthOf(right) - 1)) + cut(` ${right}`, width);
}

/** Alerts, a sentence each: nodes that do not answer, and degraded states. */
function alertsOf({ nodes, incomplete }: Snapshot, { problem }: View): string[] {
  const alerts = problem === undefined ? [] : [problem];
  if (incomplete !== null) alerts.push(`other nodes are missing: ${incomplete}`);
  for (const { node, statistics, error } of nodes) {
    if (error !== undefined) alerts.push(error.message);
    if (statistics === undefined) continue;
    const { refusal, degraded } = statistics;
    if (refusal !== null) alerts.push(`${node} refuses new connections: ${refusal}`);
    for (const { what, why } of degraded) alerts.push(`${node}: ${what} degraded: ${why}`);
  }
  return alerts;
}

/** The first lines; the last one counts what is left out. */
const shortened = (alerts: readonly string[], limit: number): readonly string[] =>
  alerts.length <= limit
    ? alerts
    : [...alerts.slice(0, limit - 1), `and ${alerts.length - limit + 1} more problems (--json has all)`];

function nodesWithin(lines: readonly string[], room: number, width: number): readonly string[] {
  if (lines.length <= room || room === 0) return lines.slice(0, room);
  return [...lines.slice(0, room - 1), cut(`… and ${lines.length - room + 1} more nodes`, width)];
}

const orNone = (lines: readonly string[], none: string, width: number): readonly string[] =>
  lines.length === 0 ? [cut(none, width)] : lines;

/** Shares lines out to sections, one each in turn, as long as a section needs more. */
function shares(room: number, needed: readonly number[]): number[] {
  const given = needed.map(() => 0);
  const all = needed.reduce((sum, need) => sum + need, 0);
  let left = Math.min(room, all);
  while (left > 0) {
    for (const [index, need] of needed.entries()) {
      if (left === 0 || (given[index] ?? 0) >= need) continue;
      given[index] = (given[index] ?? 0) + 1;
      left--;
    }
  }
  return given;
}

/** Codes of SGR (ECMA-48). */
const STYLES = { plain: "", bold: "1", dim: "2", reverse: "7", red: "31", yellow: "33" } as const;
type Style = keyof typeof STYLES;
type Paint = (style: Style, line: string) => string;

const painter =
  ({ isColoured }: View): Paint =>
  (style, line) =>
    isColoured && style !== "plain" ? `\x1b[${STYLES[style]}m${line}\x1b[0m` : line;

function colourOf(row: NodeRow | undefined): Style {
  const state = row === undefined ? "ok" : stateOf(row);
  if (state === "ok") return "plain";
  return state === "silent" || state === "refusing" ? "red" : "yellow";
}
