import type { VNode } from "preact";
import { time } from "../../model/format.ts";
import type { BlockPage } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { UserLink } from "../parts/Names.tsx";
import { Outcome } from "../parts/Outcome.tsx";
import { Pager } from "../parts/Pager.tsx";
import { Table } from "../parts/Table.tsx";
import { TaskNotice } from "../parts/TaskNotice.tsx";
import { useLoaded } from "../parts/useLoaded.ts";
import { usePages } from "../parts/usePages.ts";
import { useTask } from "../parts/useTask.ts";

/** Users who may not log in for some time. */
export function Blocked(): VNode {
  const { api } = useHub();
  const task = useTask();
  const pages = usePages("");
  const loaded = useLoaded(
    (signal) =>
      api.get<BlockPage>(
        "/blocks",
        { limit: 50, cursor: pages.after === "" ? undefined : pages.after },
        signal,
      ),
    [pages.after],
  );
  const unblock = async (user: string): Promise<void> => {
    await task.run(async () => {
      await api.post("/users/block", { user, ms: 0 });
      return `${user} may log in again.`;
    });
    loaded.reload();
  };
  return (
    <>
      <TaskNotice task={task} />
      <Outcome of={loaded}>
        {({ users, cursor }) => (
          <>
            <Table
              label="Users who are blocked"
              empty="Nobody is blocked."
              rows={users}
              keyOf={({ user }) => user}
              columns={[
                { title: "User", cell: ({ user }) => <UserLink user={user} /> },
                { title: "Until", cell: ({ until }) => time(until) },
                {
                  title: "",
                  cell: ({ user }) => (
                    <button
                      type="button"
                      class="small"
                      disabled={task.isRunning}
                      onClick={() => unblock(user)}
                    >
                      Unblock <bdi class="unseen">{user}</bdi>
                    </button>
                  ),
                },
              ]}
            />
            <Pager pages={pages} next={cursor} />
          </>
        )}
      </Outcome>
    </>
  );
}
