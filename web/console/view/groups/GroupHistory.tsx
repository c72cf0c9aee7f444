import type { VNode } from "preact";
import { count, time } from "../../model/format.ts";
import { linkTo } from "../../model/place.ts";
import type { HistoryPage } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { Data, UserLink } from "../parts/Names.tsx";
import { Outcome } from "../parts/Outcome.tsx";
import { Pager } from "../parts/Pager.tsx";
import { Table } from "../parts/Table.tsx";
import { useLoaded } from "../parts/useLoaded.ts";
import { usePages } from "../parts/usePages.ts";

/** The stored messages of a group, the newest first. */
export function GroupHistory({ group }: { readonly group: string }): VNode {
  const { api } = useHub();
  const pages = usePages(group);
  const before = pages.after === "" ? undefined : pages.after;
  const loaded = useLoaded(
    (signal) => api.get<HistoryPage>("/history", { channel: `group:${group}`, limit: 30, before }, signal),
    [group, before],
  );
  return (
    <Outcome of={loaded}>
      {({ messages }) => {
        const first = messages[0]?.offset ?? 0;
        return (
          <>
            <Table
              label="History"
              empty="The group has no stored messages."
              rows={[...messages].reverse()}
              keyOf={({ id }) => id}
              columns={[
                { title: "Offset", isNumber: true, cell: ({ offset }) => count(offset) },
                { title: "Time", cell: ({ timestamp }) => time(timestamp) },
                { title: "From", cell: ({ from }) => (from === undefined ? "–" : <UserLink user={from} />) },
                { title: "Type", cell: ({ type }) => <bdi>{type}</bdi> },
                {
                  title: "Data",
                  cell: ({ data, deletedAt }) =>
                    deletedAt === undefined ? <Data value={data} /> : "deleted",
                },
                { title: "", cell: ({ id }) => <a href={linkTo("why", undefined, { message: id })}>Why?</a> },
              ]}
            />
            <Pager pages={pages} next={first > 1 ? String(first) : undefined} />
          </>
        );
      }}
    </Outcome>
  );
}
