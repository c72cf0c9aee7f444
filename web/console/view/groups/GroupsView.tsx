import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { count } from "../../model/format.ts";
import { goTo } from "../../model/place.ts";
import type { GroupPage } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { GroupLink } from "../parts/Names.tsx";
import { Outcome, Silent } from "../parts/Outcome.tsx";
import { Pager } from "../parts/Pager.tsx";
import { Search } from "../parts/Search.tsx";
import { Table } from "../parts/Table.tsx";
import { useLoaded } from "../parts/useLoaded.ts";
import { usePages } from "../parts/usePages.ts";
import { GroupRate, UnknownRates } from "./GroupRate.tsx";

/** Time after which the list is read again, in milliseconds. */
const EVERY_MS = 5_000;

/** Groups that somebody has joined, by name. */
export function GroupsView(): VNode {
  const { api } = useHub();
  const [prefix, setPrefix] = useState("");
  const pages = usePages(prefix);
  const loaded = useLoaded(
    (signal) => api.get<GroupPage>("/groups", { prefix, after: pages.after, limit: 50 }, signal),
    [prefix, pages.after],
    EVERY_MS,
  );
  return (
    <>
      <h1>Groups</h1>
      <Search
        label="Group"
        hint="The beginning of an id. Enter opens this group, joined or not."
        onSearch={setPrefix}
        onEnter={(group) => goTo("groups", group)}
      />
      <Outcome of={loaded}>
        {({ groups, next, silent }) => (
          <>
            <Silent nodes={silent.map(({ node }) => node)} missing="groups" />
            <Table
              label="Groups"
              empty={
                prefix === "" ? "Nobody has joined a group." : "Nobody has joined a group with such an id."
              }
              rows={groups}
              keyOf={({ group }) => group}
              columns={[
                { title: "Group", cell: ({ group }) => <GroupLink group={group} /> },
                { title: "Connections", isNumber: true, cell: ({ connections }) => count(connections) },
                { title: "Nodes", isNumber: true, cell: ({ nodes }) => count(nodes) },
                {
                  title: "Messages/s",
                  isNumber: true,
                  cell: ({ messages }) => <GroupRate value={messages} />,
                },
                {
                  title: "Deliveries/s",
                  isNumber: true,
                  cell: ({ deliveries }) => <GroupRate value={deliveries} />,
                },
              ]}
            />
            <UnknownRates of={groups.flatMap(({ messages, deliveries }) => [messages, deliveries])} />
            <Pager pages={pages} next={next} />
          </>
        )}
      </Outcome>
    </>
  );
}
