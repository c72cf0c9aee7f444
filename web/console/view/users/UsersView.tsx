import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Tabs } from "../../../shared/shared.ts";
import { count } from "../../model/format.ts";
import { goTo } from "../../model/place.ts";
import type { UserPage } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { UserLink } from "../parts/Names.tsx";
import { Outcome, Silent } from "../parts/Outcome.tsx";
import { Pager } from "../parts/Pager.tsx";
import { Search } from "../parts/Search.tsx";
import { Table } from "../parts/Table.tsx";
import { useLoaded } from "../parts/useLoaded.ts";
import { usePages } from "../parts/usePages.ts";
import { Blocked } from "./Blocked.tsx";

const TABS = { online: "Online", blocked: "Blocked" } as const;

/** Users who are online, by name, and those who are blocked. */
export function UsersView(): VNode {
  const [tab, setTab] = useState<keyof typeof TABS>("online");
  return (
    <>
      <h1>Users</h1>
      <Tabs label="Users" titles={TABS} selected={tab} onSelect={setTab} />
      <div id={`panel-${tab}`} role="tabpanel" aria-labelledby={`tab-${tab}`} class="stack">
        {tab === "online" ? <Online /> : <Blocked />}
      </div>
    </>
  );
}

/** Time after which the list is read again, in milliseconds. */
const EVERY_MS = 5_000;

function Online(): VNode {
  const { api } = useHub();
  const [prefix, setPrefix] = useState("");
  const pages = usePages(prefix);
  const loaded = useLoaded(
    (signal) => api.get<UserPage>("/users/search", { prefix, after: pages.after, limit: 50 }, signal),
    [prefix, pages.after],
    EVERY_MS,
  );
  return (
    <>
      <Search
        label="User"
        hint="The beginning of an id. Enter opens this user, online or not."
        onSearch={setPrefix}
        onEnter={(user) => goTo("users", user)}
      />
      <Outcome of={loaded}>
        {({ users, next, silent }) => (
          <>
            <Silent nodes={silent.map(({ node }) => node)} missing="users" />
            <Table
              label="Users online"
              empty={prefix === "" ? "Nobody is online." : "Nobody with such an id is online."}
              rows={users}
              keyOf={({ user }) => user}
              columns={[
                { title: "User", cell: ({ user }) => <UserLink user={user} /> },
                { title: "Platforms", cell: ({ platforms }) => <bdi>{platforms.join(", ")}</bdi> },
                { title: "Connections", isNumber: true, cell: ({ connections }) => count(connections) },
              ]}
            />
            <Pager pages={pages} next={next} />
          </>
        )}
      </Outcome>
    </>
  );
}
