import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Field } from "../../../shared/shared.ts";
import { useHub } from "../context.ts";
import { Outcome } from "../parts/Outcome.tsx";
import { Table } from "../parts/Table.tsx";
import { useLoaded } from "../parts/useLoaded.ts";
import { settingsOf } from "./flat.ts";

/** The configuration of the node that answers. */
export function ConfigurationView(): VNode {
  const { api } = useHub();
  const [text, setText] = useState("");
  const loaded = useLoaded((signal) => api.get<{ config: object }>("/config", {}, signal), []);
  return (
    <>
      <h1>Configuration</h1>
      <p class="muted">In force on the node that this page is connected to. Secrets are masked.</p>
      <Field label="Setting" type="search" value={text} onValue={setText} autocomplete="off" />
      <Outcome of={loaded}>
        {({ config }) => (
          <Table
            label="Settings"
            empty="No setting has such a name."
            rows={settingsOf(config).filter(({ path }) => path.toLowerCase().includes(text.toLowerCase()))}
            keyOf={({ path }) => path}
            columns={[
              { title: "Setting", cell: ({ path }) => <code>{path}</code> },
              { title: "Value", cell: ({ value }) => <code class="data-text">{value}</code> },
            ]}
          />
        )}
      </Outcome>
    </>
  );
}
