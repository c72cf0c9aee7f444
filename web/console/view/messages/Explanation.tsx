import type { VNode } from "preact";
import { count, time, words } from "../../model/format.ts";
import type { Explanation, Finding } from "../../model/replies.ts";
import { ChannelLink, NodeLink, UserLink } from "../parts/Names.tsx";
import { Panel } from "../parts/Panel.tsx";
import { Table } from "../parts/Table.tsx";

/** The reasons, the most likely first. */
export function Findings({ findings }: { readonly findings: readonly Finding[] }): VNode {
  return (
    <ol class="findings">
      {findings.map(({ code, text, at, node, count: times }, index) => (
        <li key={`${code} ${text} ${index}`} class="card">
          <p>{text}</p>
          <p class="muted">
            {[words(code), at !== undefined && time(at), node, times !== undefined && `${count(times)} times`]
              .filter((part) => part)
              .join(" · ")}
          </p>
        </li>
      ))}
    </ol>
  );
}

/** Where a message went. */
export function Story({ story }: { readonly story: NonNullable<Explanation["message"]> }): VNode {
  const { id, channel, from, timestamp, offset, publisher, nodes, history, acknowledged } = story;
  return (
    <>
      <Panel title="Message">
        <dl class="facts">
          <dt>Id</dt>
          <dd>
            <code>{id}</code>
          </dd>
          <dt>To</dt>
          <dd>
            <ChannelLink channel={channel} />
          </dd>
          <dt>From</dt>
          <dd>{from === undefined ? "the application" : <UserLink user={from} />}</dd>
          <dt>Time</dt>
          <dd>{time(timestamp)}</dd>
          <dt>Kind</dt>
          <dd>{offset === undefined ? "ephemeral" : `stored at offset ${count(offset)}`}</dd>
          {publisher !== undefined && (
            <>
              <dt>Published on</dt>
              <dd>
                <NodeLink node={publisher} />
              </dd>
            </>
          )}
          {history !== undefined && (
            <>
              <dt>History</dt>
              <dd>
                {history.state} (offsets {count(history.first)} to {count(history.last)})
              </dd>
            </>
          )}
        </dl>
      </Panel>
      <Panel title="Nodes">
        <Table
          label="Nodes of the message"
          empty="No node has a record of it."
          rows={nodes}
          keyOf={({ node }) => node}
          columns={[
            { title: "Node", cell: ({ node }) => <NodeLink node={node} /> },
            {
              title: "Connections that took it",
              isNumber: true,
              cell: ({ connections }) => (connections === undefined ? "not recorded" : count(connections)),
            },
            { title: "Dropped", isNumber: true, cell: ({ dropped }) => count(dropped ?? 0) },
            { title: "Receivers now", isNumber: true, cell: ({ receivers }) => count(receivers) },
          ]}
        />
      </Panel>
      {acknowledged.length > 0 && (
        <Panel title="Acknowledged">
          <Table
            label="Devices"
            empty=""
            rows={acknowledged}
            keyOf={({ user, device }) => `${user} ${device}`}
            columns={[
              { title: "User", cell: ({ user }) => <UserLink user={user} /> },
              { title: "Device", cell: ({ device }) => <bdi>{device}</bdi> },
              {
                title: "Up to offset",
                isNumber: true,
                cell: ({ offset: acked }) => (acked === undefined ? "–" : count(acked)),
              },
            ]}
          />
        </Panel>
      )}
    </>
  );
}
