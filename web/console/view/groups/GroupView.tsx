import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { apiPath, countOf, Tabs } from "../../../shared/shared.ts";
import { count, NOTHING, rate } from "../../model/format.ts";
import type { GroupPage, Receipt } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { Tiles } from "../overview/Tiles.tsx";
import { type Draft, MessageForm } from "../parts/MessageForm.tsx";
import { sentText } from "../parts/sent.ts";
import { TaskNotice } from "../parts/TaskNotice.tsx";
import { useLoaded } from "../parts/useLoaded.ts";
import { useTask } from "../parts/useTask.ts";
import { GroupHistory } from "./GroupHistory.tsx";
import { UnknownRates } from "./GroupRate.tsx";
import { Members } from "./Members.tsx";

const TABS = { members: "Members", history: "History", send: "Send" } as const;

/** Time after which the figures are read again, in milliseconds. */
const EVERY_MS = 4_000;

/** A group that nobody has joined. */
const NOBODY = { connections: 0, nodes: 0, messages: 0, deliveries: 0 };

/** One group: members, rates, history, and a message. */
export function GroupView({ group }: { readonly group: string }): VNode {
  const { api } = useHub();
  const [tab, setTab] = useState<keyof typeof TABS>("members");
  const counts = useLoaded(
    (signal) => api.get<{ online: number; durable: number }>("/groups/count", { group }, signal),
    [group],
    EVERY_MS,
  );
  const found = useLoaded(
    (signal) => api.get<GroupPage>("/groups", { prefix: group, limit: 1 }, signal),
    [group],
    EVERY_MS,
  );
  const shown = found.value && (found.value.groups.find((each) => each.group === group) ?? NOBODY);
  return (
    <>
      <h1>
        <bdi class="name">{group}</bdi>
      </h1>
      <Tiles
        tiles={[
          {
            title: "Online",
            value: counts.value === undefined ? NOTHING : count(counts.value.online),
            note: counts.value?.online === 1 ? "user" : "users",
          },
          {
            title: "Durable",
            value: counts.value === undefined ? NOTHING : count(counts.value.durable),
            note: counts.value?.durable === 1 ? "member" : "members",
          },
          {
            title: "Connections",
            value: shown === undefined ? NOTHING : count(shown.connections),
            note: shown === undefined ? "\u00a0" : `on ${countOf(shown.nodes, "node")}`,
          },
          { title: "Messages", value: rate(shown?.messages ?? null), note: "per second" },
          { title: "Deliveries", value: rate(shown?.deliveries ?? null), note: "per second" },
        ]}
      />
      {shown && <UnknownRates of={[shown.messages, shown.deliveries]} />}
      <Tabs label="Parts of the group" titles={TABS} selected={tab} onSelect={setTab} />
      <div id={`panel-${tab}`} role="tabpanel" aria-labelledby={`tab-${tab}`} class="stack">
        {tab === "members" && <Members group={group} />}
        {tab === "history" && <GroupHistory group={group} />}
        {tab === "send" && <Send group={group} />}
      </div>
    </>
  );
}

function Send({ group }: { readonly group: string }): VNode {
  const { api } = useHub();
  const task = useTask();
  const send = (draft: Draft): void =>
    void task.run(async () => sentText(await api.post<Receipt>(`${apiPath()}/message`, { group, ...draft })));
  return (
    <>
      <TaskNotice task={task} />
      <MessageForm action="Send to the group" isRunning={task.isRunning} onSubmit={send} />
    </>
  );
}
