import type { VNode } from "preact";
import type { MemberPage } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { Data, UserLink } from "../parts/Names.tsx";
import { Outcome } from "../parts/Outcome.tsx";
import { Pager } from "../parts/Pager.tsx";
import { Table } from "../parts/Table.tsx";
import { useLoaded } from "../parts/useLoaded.ts";
import { usePages } from "../parts/usePages.ts";

/** Members of a group, page by page. */
export function Members({ group }: { readonly group: string }): VNode {
  const { api } = useHub();
  const pages = usePages(group);
  const cursor = pages.after === "" ? undefined : pages.after;
  const loaded = useLoaded(
    (signal) => api.get<MemberPage>("/groups/members", { group, limit: 50, cursor }, signal),
    [group, cursor],
  );
  return (
    <Outcome of={loaded}>
      {(page) => (
        <>
          <Table
            label="Members"
            empty="The group has no members."
            rows={page.members}
            keyOf={({ user }) => user}
            columns={[
              { title: "User", cell: ({ user }) => <UserLink user={user} /> },
              {
                title: "State",
                cell: ({ online }) => (
                  <span class={`state ${online ? "good" : "off"}`}>{online ? "joined" : "offline"}</span>
                ),
              },
              { title: "Membership", cell: ({ durable }) => (durable ? "durable" : "while online") },
              { title: "Data", cell: ({ data }) => (data === undefined ? "–" : <Data value={data} />) },
            ]}
          />
          <Pager pages={pages} next={page.cursor} />
        </>
      )}
    </Outcome>
  );
}
