import type { VNode } from "preact";
import { useId, useState } from "preact/hooks";
import { countOf, Field } from "../../../shared/shared.ts";
import type { CommandResult, UserDetail } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Panel } from "../parts/Panel.tsx";
import { TaskNotice } from "../parts/TaskNotice.tsx";
import { useTask } from "../parts/useTask.ts";

interface Props {
  readonly user: string;
  readonly detail: UserDetail;
  /** Called after an order. */
  readonly changed: () => void;
}

const LENGTHS: readonly (readonly [string, number])[] = [
  ["10 minutes", 600_000],
  ["1 hour", 3_600_000],
  ["1 day", 86_400_000],
  ["30 days", 30 * 86_400_000],
];

/** Kicks and blocks a user. */
export function UserOrders({ user, detail, changed }: Props): VNode {
  const { api } = useHub();
  const [asks, setAsks] = useState<"kick" | "block">();
  const [reason, setReason] = useState("");
  const [ms, setMs] = useState(3_600_000);
  const task = useTask();
  const id = useId();
  const order = async (path: string, fields: object): Promise<void> => {
    setAsks(undefined);
    await task.run(async () => {
      const reasons = reason.trim() === "" ? {} : { reason: reason.trim() };
      return doneText(await api.post<CommandResult>(path, { user, ...fields, ...reasons }));
    });
    changed();
  };
  const isBlock = asks === "block";
  return (
    <Panel title="Orders">
      <TaskNotice task={task} />
      <div class="row wrap-row">
        <button
          type="button"
          class="danger"
          disabled={task.isRunning || detail.connections.length === 0}
          onClick={() => setAsks("kick")}
        >
          Kick…
        </button>
        <button type="button" class="danger" disabled={task.isRunning} onClick={() => setAsks("block")}>
          Block…
        </button>
        {detail.blockedMs > 0 && (
          <button type="button" disabled={task.isRunning} onClick={() => order("/users/block", { ms: 0 })}>
            Unblock
          </button>
        )}
      </div>
      {asks !== undefined && (
        <Confirm
          title={isBlock ? "Block this user?" : "Kick this user?"}
          action={isBlock ? "Block" : "Kick"}
          isDangerous
          onConfirm={() => order(isBlock ? "/users/block" : "/users/kick", isBlock ? { ms } : {})}
          onClose={() => setAsks(undefined)}
        >
          <p>
            All connections of <bdi>{user}</bdi> are closed, on all nodes, and do not reconnect by themselves.
            {isBlock ? " Logins are refused until the time is over." : " The user may log in again."}
          </p>
          {isBlock && (
            <div class="field">
              <label for={id}>For</label>
              <select id={id} value={ms} onChange={({ currentTarget }) => setMs(Number(currentTarget.value))}>
                {LENGTHS.map(([title, length]) => (
                  <option key={length} value={length}>
                    {title}
                  </option>
                ))}
              </select>
            </div>
          )}
          <Field
            label="Reason"
            value={reason}
            onValue={setReason}
            maxLength={120}
            hint="The client gets it. It may stay empty."
            autocomplete="off"
          />
        </Confirm>
      )}
    </Panel>
  );
}

function doneText({ connections, unconfirmed }: CommandResult): string {
  const closed = `${countOf(connections, "connection")} closed.`;
  return unconfirmed === 0
    ? closed
    : `${closed} ${countOf(unconfirmed, "node")} without an answer: the order holds when they continue.`;
}
