import type { VNode } from "preact";
import { useId, useState } from "preact/hooks";
import { Field } from "../../../shared/shared.ts";

export interface Draft {
  readonly type: string;
  readonly data: unknown;
  readonly ephemeral: boolean;
}

interface Props {
  /** The button. */
  readonly action: string;
  readonly isRunning: boolean;
  readonly onSubmit: (draft: Draft) => void;
}

/** A message to be written: its type, and its data as JSON or as a plain text. */
export function MessageForm({ action, isRunning, onSubmit }: Props): VNode {
  const [type, setType] = useState("message");
  const [text, setText] = useState("");
  const [ephemeral, setEphemeral] = useState(false);
  const [error, setError] = useState<string>();
  const id = useId();
  const submit = (event: Event): void => {
    event.preventDefault();
    const data = dataIn(text);
    setError(data === undefined ? "This looks like JSON, and is none." : undefined);
    if (data !== undefined) onSubmit({ type, data: data.value, ephemeral });
  };
  return (
    <form class="form" onSubmit={submit}>
      <Field label="Type" value={type} onValue={setType} required maxLength={64} autocomplete="off" />
      <div class="field">
        <label for={id}>Data</label>
        <textarea
          id={id}
          rows={4}
          value={text}
          placeholder={'{"text":"Hello"}'}
          aria-invalid={error !== undefined}
          aria-describedby={`${id}-note`}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <p id={`${id}-note`} class={error === undefined ? "hint" : "field-error"} aria-live="polite">
          {error ?? "JSON, or a text."}
        </p>
      </div>
      <label class="row check">
        <input
          type="checkbox"
          checked={ephemeral}
          onChange={({ currentTarget }) => setEphemeral(currentTarget.checked)}
        />
        Ephemeral: only who is online gets it, and the history does not keep it
      </label>
      <div class="row end">
        <button type="submit" class="primary" disabled={isRunning}>
          {action}
        </button>
      </div>
    </form>
  );
}

/** @returns undefined for what begins like JSON and is none */
function dataIn(text: string): { readonly value: unknown } | undefined {
  const trimmed = text.trim();
  try {
    return { value: trimmed === "" ? null : JSON.parse(trimmed) };
  } catch {
    return /^[[{"]/.test(trimmed) ? undefined : { value: text };
  }
}
