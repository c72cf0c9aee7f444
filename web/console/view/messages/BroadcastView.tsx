import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { apiPath, countOf } from "../../../shared/shared.ts";
import { pointOfAll } from "../../model/hour.ts";
import type { Receipt } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { type Draft, MessageForm } from "../parts/MessageForm.tsx";
import { Panel } from "../parts/Panel.tsx";
import { sentText } from "../parts/sent.ts";
import { TaskNotice } from "../parts/TaskNotice.tsx";
import { useTask } from "../parts/useTask.ts";

/** Sends a message to everyone, after a preview. */
export function BroadcastView(): VNode {
  const { api, top } = useHub();
  const [draft, setDraft] = useState<Draft>();
  const task = useTask();
  const reached = top.value === undefined ? undefined : (pointOfAll(top.value).connections ?? 0);
  const send = (message: Draft): void => {
    setDraft(undefined);
    void task.run(async () =>
      sentText(await api.post<Receipt>(`${apiPath()}/broadcast`, { ...message, count: true })),
    );
  };
  return (
    <>
      <h1>Broadcast</h1>
      <p class="muted">
        A message to everybody who is online. A stored one also reaches who asks for it later.
      </p>
      <TaskNotice task={task} />
      <Panel title="Message">
        <MessageForm action="Preview…" isRunning={task.isRunning} onSubmit={setDraft} />
      </Panel>
      {draft !== undefined && (
        <Confirm
          title="Send this to everyone?"
          action="Send to everyone"
          onConfirm={() => send(draft)}
          onClose={() => setDraft(undefined)}
        >
          {reached !== undefined && <p>{countOf(reached, "connection")} now, this page included.</p>}
          <dl class="facts">
            <dt>Type</dt>
            <dd>
              <bdi>{draft.type}</bdi>
            </dd>
            <dt>Kind</dt>
            <dd>{draft.ephemeral ? "ephemeral" : "stored"}</dd>
            <dt>Data</dt>
            <dd>
              <pre class="preview">{JSON.stringify(draft.data, undefined, 2)}</pre>
            </dd>
          </dl>
        </Confirm>
      )}
    </>
  );
}
