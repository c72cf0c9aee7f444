import type { VNode } from "preact";
import { bytes, count, duration, ms, percent, rate } from "../../model/format.ts";
import type { NodeEntry, Statistics } from "../../model/replies.ts";
import { NodeLink } from "../parts/Names.tsx";
import { type Column, Table } from "../parts/Table.tsx";

interface Props {
  readonly nodes: readonly NodeEntry[];
  /** The node that this page is connected to. */
  readonly asked: string;
}

/** All nodes, also those that do not answer. */
export function NodeTable({ nodes, asked }: Props): VNode {
  return (
    <Table
      label="Nodes"
      empty="No node is known."
      rows={nodes}
      keyOf={({ node }) => node}
      columns={[
        {
          title: "Node",
          cell: ({ node }) => (
            <>
              <NodeLink node={node} />
              {node === asked && <span class="badge">this page</span>}
            </>
          ),
        },
        { title: "State", cell: (entry) => <NodeState entry={entry} /> },
        figure("Connections", ({ connections }) => count(connections)),
        figure("In/s", ({ rates }) => rate(rates.published)),
        figure("Out/s", ({ rates }) => rate(rates.delivered)),
        figure("Delivery p99", ({ latency }) => ms(latency.delivery?.p99)),
        figure("Loop p99", ({ loop }) => ms(loop.delay.p99)),
        figure("Busy", ({ loop }) => percent(loop.utilization)),
        figure("Memory", ({ memory }) => bytes(memory.rss)),
        figure("Up", ({ since }) => duration(Date.now() - since)),
      ]}
    />
  );
}

const figure = (title: string, text: (statistics: Statistics) => string): Column<NodeEntry> => ({
  title,
  isNumber: true,
  cell: ({ statistics }) => (statistics === undefined ? "–" : text(statistics)),
});

/** Whether a node works, in words. */
export function NodeState({ entry: { statistics, error } }: { readonly entry: NodeEntry }): VNode {
  if (error !== undefined || statistics === undefined)
    return (
      <span class="state bad" title={error?.message}>
        no answer
      </span>
    );
  if (statistics.draining) return <span class="state busy">draining</span>;
  if (statistics.refusal !== null || statistics.degraded.length > 0)
    return <span class="state busy">degraded</span>;
  return <span class="state good">active</span>;
}
