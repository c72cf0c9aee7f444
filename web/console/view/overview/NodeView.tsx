import type { VNode } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Notice, sentence } from "../../../shared/shared.ts";
import { bytes, count, duration, ms, percent, rate, short, words } from "../../model/format.ts";
import { Hour, pointOf } from "../../model/hour.ts";
import type { History, NodeEntry, Statistics } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { Chart } from "../parts/Chart.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { Panel } from "../parts/Panel.tsx";
import { Table } from "../parts/Table.tsx";
import { TaskNotice } from "../parts/TaskNotice.tsx";
import { useTask } from "../parts/useTask.ts";
import { NodeState } from "./NodeTable.tsx";
import { Tiles } from "./Tiles.tsx";

/** One node: its figures, its last hour, and its drain. */
export function NodeView({ node }: { readonly node: string }): VNode {
  const { api, top } = useHub();
  const hour = useMemo(() => new Hour(), []);
  const shown = top.value;
  const entry = shown?.nodes.find((each) => each.node === node);
  useEffect(() => {
    api.get<History>("/nodes/history", { node }).then(
      (history) => hour.begin(history),
      () => undefined, // the charts begin now
    );
  }, [api, hour, node]);
  useEffect(() => {
    if (shown !== undefined && entry?.statistics !== undefined) hour.add(shown.at, pointOf(entry.statistics));
  }, [shown, entry, hour]);
  return (
    <>
      <h1 class="row">
        <bdi class="name">{node}</bdi>
        {entry !== undefined && <NodeState entry={entry} />}
      </h1>
      {shown !== undefined && entry === undefined && (
        <Notice tone="bad">There is no node of this name: it has left the cluster.</Notice>
      )}
      {entry?.error !== undefined && <Notice tone="bad">{sentence(entry.error.message)}</Notice>}
      {entry?.statistics !== undefined && <Figures statistics={entry.statistics} />}
      <div class="charts">
        <Chart
          title="Connections"
          lines={[{ series: "connections", label: "connections" }]}
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
          title="Dropped messages/s"
          lines={[{ series: "dropped", label: "dropped" }]}
          columns={hour.columns}
          format={short}
        />
        <Chart
          title="Event-loop delay"
          lines={[{ series: "loopP99", label: "p99" }]}
          columns={hour.columns}
          format={ms}
        />
        <Chart
          title="Memory"
          lines={[{ series: "rss", label: "memory" }]}
          columns={hour.columns}
          format={bytes}
          unit={2 ** 20}
        />
      </div>
      {entry?.statistics !== undefined && <Details entry={entry} statistics={entry.statistics} />}
    </>
  );
}

function Figures({ statistics }: { readonly statistics: Statistics }): VNode {
  const { connections, users, groups, rates, latency, loop, memory, queues } = statistics;
  return (
    <Tiles
      tiles={[
        {
          title: "Connections",
          value: count(connections),
          note: `${count(users)} ${users === 1 ? "user" : "users"}`,
        },
        { title: "Groups", value: count(groups), note: "with a member here" },
        { title: "Messages in", value: rate(rates.published), note: "per second" },
        { title: "Messages out", value: rate(rates.delivered), note: "per second" },
        {
          title: "Delivery",
          value: ms(latency.delivery?.p99),
          note: latency.delivery ? `p99, half within ${ms(latency.delivery.p50)}` : "no message lately",
        },
        { title: "Slow clients", value: count(queues.connections), note: `${bytes(queues.bytes)} wait` },
        { title: "Event loop", value: ms(loop.delay.p99), note: `p99, busy ${percent(loop.utilization)}` },
        { title: "Memory", value: bytes(memory.rss), note: `${bytes(memory.heapUsed)} heap` },
      ]}
    />
  );
}

function Details({
  entry,
  statistics,
}: {
  readonly entry: NodeEntry;
  readonly statistics: Statistics;
}): VNode {
  const { latency, degraded, disconnects, refusal } = statistics;
  const latencies = [
    { title: "Stored message to its receipt", value: latency.stored },
    { title: "Ephemeral message to its hand-over", value: latency.ephemeral },
    { title: "Message to the connections here", value: latency.delivery },
  ];
  return (
    <>
      {refusal !== null && <Notice tone="busy">New connections are refused: {refusal}</Notice>}
      {degraded.map(({ what, why, since }) => (
        <Notice key={what} tone="busy">
          {what}: {why} (for {duration(Date.now() - since)})
        </Notice>
      ))}
      <div class="columns">
        <Panel title="Latency in the last seconds">
          <Table
            label="Latency"
            empty=""
            rows={latencies}
            keyOf={({ title }) => title}
            columns={[
              { title: "From publish", cell: ({ title }) => <span class="wrap">{title}</span> },
              { title: "p50", isNumber: true, cell: ({ value }) => ms(value?.p50) },
              { title: "p90", isNumber: true, cell: ({ value }) => ms(value?.p90) },
              { title: "p99", isNumber: true, cell: ({ value }) => ms(value?.p99) },
            ]}
          />
        </Panel>
        <Panel title="Closes since the start, by cause">
          <Table
            label="Closes by cause"
            empty="No connection has ended."
            rows={Object.entries(disconnects)}
            keyOf={([cause]) => cause}
            columns={[
              { title: "Cause", cell: ([cause]) => words(cause) },
              { title: "Connections", isNumber: true, cell: ([, ended]) => count(ended) },
            ]}
          />
        </Panel>
      </div>
      <Drain node={entry.node} statistics={statistics} />
    </>
  );
}

function Drain({ node, statistics }: { readonly node: string; readonly statistics: Statistics }): VNode {
  const { api } = useHub();
  const [isAsking, setIsAsking] = useState(false);
  const task = useTask();
  const drain = (): void => {
    setIsAsking(false);
    void task.run(async () => {
      const { connections } = await api.post<{ connections: number }>("/nodes/drain", { node });
      return `The node drains: it had ${count(connections)} connections.`;
    });
  };
  return (
    <Panel title="Drain">
      <p class="muted">
        A draining node refuses new clients and tells its own to reconnect elsewhere. It takes clients again
        after a restart.
      </p>
      <TaskNotice task={task} />
      <div class="row">
        <button
          type="button"
          class="danger"
          disabled={statistics.draining || task.isRunning}
          onClick={() => setIsAsking(true)}
        >
          {statistics.draining ? "Draining" : "Drain this node…"}
        </button>
      </div>
      {isAsking && (
        <Confirm
          title={`Drain ${node}?`}
          action="Drain"
          isDangerous
          onConfirm={drain}
          onClose={() => setIsAsking(false)}
        >
          <p>
            {count(statistics.connections)} connections move to other nodes. This cannot be undone but by a
            restart of the process.
          </p>
        </Confirm>
      )}
    </Panel>
  );
}
