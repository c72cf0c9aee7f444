import type { VNode } from "preact";
import { useId, useState } from "preact/hooks";
import { ApiError } from "../../model/api.ts";
import { linkTo } from "../../model/place.ts";
import type { LimitsReply } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Outcome } from "../parts/Outcome.tsx";
import { Panel } from "../parts/Panel.tsx";
import { Table } from "../parts/Table.tsx";
import { TaskNotice } from "../parts/TaskNotice.tsx";
import { useLoaded } from "../parts/useLoaded.ts";
import { useTask } from "../parts/useTask.ts";
import { Denials } from "./Denials.tsx";
import { settingsOf } from "./flat.ts";

/** The limits of clients: what they have denied, and their change while the nodes run. */
export function LimitsView(): VNode {
  const { api } = useHub();
  const loaded = useLoaded((signal) => api.get<LimitsReply>("/limits", {}, signal), []);
  return (
    <>
      <h1>Limits</h1>
      <Panel title="Denied" tools={<a href={linkTo("events")}>Follow them in the events</a>}>
        <Denials />
      </Panel>
      <Outcome of={loaded}>
        {(reply) => {
          const { limits, changes } = reply;
          const changed = new Set(settingsOf(changes).map(({ path }) => path));
          return (
            <>
              <Panel title="In force">
                <Table
                  label="Limits in force"
                  empty=""
                  rows={settingsOf(limits)}
                  keyOf={({ path }) => path}
                  columns={[
                    { title: "Limit", cell: ({ path }) => <code>{path}</code> },
                    { title: "Value", cell: ({ value }) => <code class="data-text">{value}</code> },
                    {
                      title: "",
                      cell: ({ path }) => changed.has(path) && <span class="badge">changed</span>,
                    },
                  ]}
                />
              </Panel>
              <Change present={reply} changed={loaded.reload} />
            </>
          );
        }}
      </Outcome>
    </>
  );
}

interface ChangeProps {
  readonly present: LimitsReply;
  /** Called after a change, by this console or another one. */
  readonly changed: () => void;
}

function Change({ present, changed }: ChangeProps): VNode {
  const { api } = useHub();
  const [text, setText] = useState(JSON.stringify(present.changes, undefined, 2));
  /** Version of the changes that the text was made from, and that it may replace. */
  const [version, setVersion] = useState(present.version);
  /** Changes that somebody else has made since then. */
  const [meanwhile, setMeanwhile] = useState<object>();
  const [wanted, setWanted] = useState<object>();
  const [error, setError] = useState<string>();
  const task = useTask();
  const id = useId();
  const check = (event: Event): void => {
    event.preventDefault();
    const parsed = objectIn(text);
    setWanted(parsed);
    setError(
      parsed === undefined ? 'Expected an object in JSON, such as {"messagesPerUser":"600-M"}.' : undefined,
    );
  };
  const apply = async (next: object): Promise<void> => {
    setWanted(undefined);
    await task.run(async () => {
      try {
        setVersion((await api.put<LimitsReply>("/limits", { ...next, version })).version);
      } catch (error) {
        if (!(error instanceof ApiError && error.code === "conflict")) throw error;
        const others = await api.get<LimitsReply>("/limits");
        setVersion(others.version);
        setMeanwhile(others.changes);
        throw new Error(
          "Nothing was changed, because somebody else has changed the limits meanwhile. Take over what stands below, or change again to replace it.",
        );
      }
      setMeanwhile(undefined);
      return "The limits are in force on all nodes.";
    });
    changed();
  };
  return (
    <Panel title="Change on all nodes">
      <TaskNotice task={task} />
      {meanwhile !== undefined && <pre class="preview">{JSON.stringify(meanwhile, undefined, 2)}</pre>}
      <form class="form" onSubmit={check}>
        <div class="field">
          <label for={id}>Changes</label>
          <textarea
            id={id}
            class="mono"
            rows={6}
            spellcheck={false}
            value={text}
            aria-invalid={error !== undefined}
            aria-describedby={`${id}-note`}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
          <p id={`${id}-note`} class={error === undefined ? "hint" : "field-error"} aria-live="polite">
            {error ?? "They replace the former changes. What is left out has the value of the configuration."}
          </p>
        </div>
        <div class="row end">
          <button type="submit" class="primary" disabled={task.isRunning}>
            Change…
          </button>
        </div>
      </form>
      {wanted !== undefined && (
        <Confirm
          title="Change the limits?"
          action="Change"
          onConfirm={() => apply(wanted)}
          onClose={() => setWanted(undefined)}
        >
          <p>They are in force at once, on all nodes, for all clients.</p>
          <pre class="preview">{JSON.stringify(wanted, undefined, 2)}</pre>
        </Confirm>
      )}
    </Panel>
  );
}

function objectIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
