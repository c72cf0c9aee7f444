import type { VNode } from "preact";
import { bytes, count, duration, ms, NOTHING, percent, rate, short, words } from "../../model/format.ts";
import { pointOfAll } from "../../model/hour.ts";
import type { Top } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { Chart } from "../parts/Chart.tsx";
import { GroupLink, NodeLink, UserLink } from "../parts/Names.tsx";
import { Panel } from "../parts/Panel.tsx";
import { Table } from "../parts/Table.tsx";
import { NodeTable } from "./NodeTable.tsx";
import { Tiles } from "./Tiles.tsx";

/** The cluster at a glance, and its last hour. */
export function OverviewView(): VNode {
  const { top, hour } = useHub();
  const shown = top.value;
  return (
    <>
      <h1>Overview</h1>
      {shown === undefined ? <p class="empty">Waiting for the first figures…</p> : <Figures top={shown} />}
      <div class="charts">
        <Chart
          title="Connections"
          lines={[
            { series: "connections", label: "open" },
            { series: "users", label: shown?.nodes.length === 1 ? "users" : "node users" },
          ]}
          columns={hour.columns}
          format={short}
        />
        <Chart
          title="Messages/s"
          lines={[
            { series: "delivered", label: "out" },
            { series: "published", label: "in" },
          ]}
          columns={hour.columns}
          format={short}
        />
        <Chart
          title="Delivery"
          lines={[
            { series: "deliveryP99", label: "p99" },
            { series: "deliveryP50", label: "p50" },
          ]}
          columns={hour.columns}
          format={ms}
        />
        <Chart
          title="Event-loop delay"
          lines={[{ series: "loopP99", label: "p99" }]}
          columns={hour.columns}
          format={ms}
        />
        <Chart
          title="Dropped messages/s"
          lines={[{ series: "dropped", label: "dropped" }]}
          columns={hour.columns}
          format={short}
        />
        <Chart
          title="Connects/s"
          lines={[
            { series: "connects", label: "new" },
            { series: "disconnects", label: "ended" },
          ]}
          columns={hour.columns}
          format={short}
        />
      </div>
      {shown !== undefined && <Lists top={shown} />}
    </>
  );
}

function Figures({ top }: { readonly top: Top }): VNode {
  const point = pointOfAll(top);
  const silent = top.nodes.filter(({ error }) => error !== undefined).length;
  const tiles = [
    {
      title: "Nodes",
      value: count(top.nodes.length),
      note: silent === 0 ? "all answer" : `${silent} without an answer`,
      isBad: silent > 0,
    },
    { title: "Connections", value: count(point.connections ?? 0), note: "open" },
    {
      title: "Users",
      value: top.users === null ? NOTHING : count(top.users),
      note: top.users === null ? "not known now" : "online, each once",
    },
    { title: "Messages in", value: rate(point.published ?? 0), note: "per second" },
    { title: "Messages out", value: rate(point.delivered ?? 0), note: "per second" },
    {
      title: "Delivery",
      value: ms(point.deliveryP99),
      note: point.deliveryP50 == null ? "no message lately" : `p99, half within ${ms(point.deliveryP50)}`,
    },
    {
      title: "Dropped",
      value: rate(point.dropped ?? 0),
      note: "per second",
      isBad: (point.dropped ?? 0) > 0,
    },
    {
      title: "Event loop",
      value: ms(point.loopP99),
      note: `p99, busy ${percent(point.loopUtilization ?? 0)}`,
      isBad: (point.loopP99 ?? 0) > 200,
    },
  ];
  return <Tiles tiles={tiles} />;
}

function Lists({ top }: { readonly top: Top }): VNode {
  const closes = closesOf(top);
  return (
    <>
      <Panel title="Nodes">
        <NodeTable nodes={top.nodes} asked={top.node} />
      </Panel>
      <Health top={top} />
      <div class="columns">
        <Panel title="Busiest groups">
          <Table
            label="Busiest groups"
            empty="No group has had a message in the last seconds."
            rows={top.groups}
            keyOf={({ group }) => group}
            columns={[
              { title: "Group", cell: ({ group }) => <GroupLink group={group} /> },
              { title: "Messages/s", isNumber: true, cell: ({ messages }) => rate(messages) },
              { title: "Deliveries/s", isNumber: true, cell: ({ deliveries }) => rate(deliveries) },
            ]}
          />
        </Panel>
        <Panel title="Closes since the start, by cause">
          <Table
            label="Closes by cause"
            empty="No connection has ended."
            rows={closes}
            keyOf={([cause]) => cause}
            columns={[
              { title: "Cause", cell: ([cause]) => words(cause) },
              { title: "Connections", isNumber: true, cell: ([, ended]) => count(ended) },
            ]}
          />
        </Panel>
      </div>
      <Panel title="Slowest clients">
        <Table
          label="Slowest clients"
          empty="All clients take their messages as they come."
          rows={top.connections}
          keyOf={({ id }) => id}
          columns={[
            { title: "User", cell: ({ user }) => <UserLink user={user} /> },
            { title: "Platform", cell: ({ platform }) => <bdi>{platform}</bdi> },
            { title: "Node", cell: ({ node }) => <NodeLink node={node} /> },
            { title: "Queue", isNumber: true, cell: ({ queue }) => bytes(queue.bytes) },
            { title: "Messages", isNumber: true, cell: ({ queue }) => count(queue.messages) },
            { title: "Takes nothing for", isNumber: true, cell: ({ queue }) => duration(queue.stalledMs) },
          ]}
        />
      </Panel>
    </>
  );
}

/** What does not work as it should, on any node. */
function Health({ top }: { readonly top: Top }): VNode | null {
  const rows = top.nodes.flatMap(({ node, statistics }) => [
    ...(statistics?.degraded ?? []).map((degraded) => ({ node, ...degraded })),
    ...(statistics?.refusal == null
      ? []
      : [{ node, what: "admission", why: statistics.refusal, since: top.at }]),
  ]);
  if (rows.length === 0) return null;
  return (
    <Panel title="Degraded">
      <Table
        label="Degraded parts"
        empty=""
        rows={rows}
        keyOf={({ node, what }) => `${node} ${what}`}
        columns={[
          { title: "Part", cell: ({ what }) => <span class="state busy">{what}</span> },
          { title: "Node", cell: ({ node }) => <NodeLink node={node} /> },
          { title: "For", cell: ({ since }) => duration(top.at - since) },
          { title: "Why", cell: ({ why }) => <span class="wrap">{why}</span> },
        ]}
      />
    </Panel>
  );
}

function closesOf({ nodes }: Top): [string, number][] {
  const sums = new Map<string, number>();
  for (const { statistics } of nodes)
    for (const [cause, ended] of Object.entries(statistics?.disconnects ?? {}))
      sums.set(cause, (sums.get(cause) ?? 0) + ended);
  return [...sums].sort(([, one], [, other]) => other - one);
}
