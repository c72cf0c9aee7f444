import type { VNode } from "preact";
import { apiPath } from "../../../shared/shared.ts";
import { bytes, count, duration } from "../../model/format.ts";
import { linkTo } from "../../model/place.ts";
import type { Receipt, UserDetail } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { type Draft, MessageForm } from "../parts/MessageForm.tsx";
import { GroupLink, NodeLink } from "../parts/Names.tsx";
import { Outcome, Silent } from "../parts/Outcome.tsx";
import { Panel } from "../parts/Panel.tsx";
import { sentText } from "../parts/sent.ts";
import { Table } from "../parts/Table.tsx";
import { TaskNotice } from "../parts/TaskNotice.tsx";
import { useLoaded } from "../parts/useLoaded.ts";
import { useTask } from "../parts/useTask.ts";
import { UserOrders } from "./UserOrders.tsx";

/** Time after which the user is looked up again, in milliseconds. */
const EVERY_MS = 4_000;

/** One user: connections, orders, and a message. */
export function UserView({ user }: { readonly user: string }): VNode {
  const { api } = useHub();
  const loaded = useLoaded(
    (signal) => api.get<UserDetail>("/users/sessions", { user }, signal),
    [user],
    EVERY_MS,
  );
  const task = useTask();
  const send = (draft: Draft): void =>
    void task.run(async () =>
      sentText(await api.post<Receipt>(`${apiPath()}/message`, { to: user, ...draft })),
    );
  return (
    <>
      <h1 class="row">
        <bdi class="name">{user}</bdi>
        {loaded.value !== undefined && <State detail={loaded.value} />}
      </h1>
      <p class="row">
        <a href={linkTo("why", undefined, { user })}>Why did this user not get a message?</a>
      </p>
      <Outcome of={loaded}>
        {(detail) => (
          <>
            <Silent nodes={detail.silent.map(({ node }) => node)} missing="connections" />
            <Panel title="Connections">
              <Connections detail={detail} />
            </Panel>
            <UserOrders user={user} detail={detail} changed={loaded.reload} />
            {detail.groups.length > 0 && (
              <Panel title="Durable groups">
                <ul class="chips">
                  {detail.groups.map((group) => (
                    <li key={group}>
                      <GroupLink group={group} />
                    </li>
                  ))}
                </ul>
              </Panel>
            )}
          </>
        )}
      </Outcome>
      <Panel title="Send a message">
        <TaskNotice task={task} />
        <MessageForm action="Send" isRunning={task.isRunning} onSubmit={send} />
      </Panel>
    </>
  );
}

function State({ detail: { online, blockedMs, connections } }: { readonly detail: UserDetail }): VNode {
  return (
    <>
      <span class={`state ${online ? "good" : "off"}`}>
        {online && connections.length === 0 ? "reconnecting" : online ? "online" : "offline"}
      </span>
      {blockedMs > 0 && <span class="state bad">blocked for {duration(blockedMs)}</span>}
    </>
  );
}

function Connections({ detail }: { readonly detail: UserDetail }): VNode {
  return (
    <Table
      label="Connections of the user"
      empty="This user has no connection."
      rows={detail.connections}
      keyOf={({ id }) => id}
      columns={[
        { title: "Platform", cell: ({ platform }) => <bdi>{platform}</bdi> },
        { title: "Node", cell: ({ node }) => <NodeLink node={node} /> },
        { title: "Age", isNumber: true, cell: ({ connectedAt }) => duration(Date.now() - connectedAt) },
        { title: "Address", cell: ({ address }) => <code>{address}</code> },
        { title: "Groups", isNumber: true, cell: ({ groups }) => count(groups) },
        {
          title: "Queue",
          isNumber: true,
          cell: ({ queue }) =>
            queue.bytes === 0 ? "empty" : `${count(queue.messages)} · ${bytes(queue.bytes)}`,
        },
        { title: "Id", cell: ({ id }) => <code>{id}</code> },
      ]}
    />
  );
}
