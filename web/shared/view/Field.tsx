import type { InputHTMLAttributes, PartialInputHTMLAttributes, VNode } from "preact";
import { useId } from "preact/hooks";

type Own = "id" | "label" | "onInput" | "role" | "type" | "value";

interface Props extends Omit<PartialInputHTMLAttributes<HTMLInputElement>, Own> {
  /** @default "text" */
  readonly type?: "text" | "password" | "search" | undefined;
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  /** What may stand there. */
  readonly hint?: string | undefined;
  /** What is wrong with the value. Screen readers say it as soon as it appears. */
  readonly error?: string | undefined;
}

/** An input with its label, a hint and an error. Other properties are those of `<input>`. */
export function Field({ label, value, onValue, hint, error, ...input }: Props): VNode {
  const id = useId();
  const note = error ?? hint;
  // JSX has a type for each kind of input, and none for a choice of kinds.
  const attributes = input as InputHTMLAttributes<HTMLInputElement>;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...attributes}
        id={id}
        value={value}
        aria-invalid={error !== undefined}
        aria-describedby={note === undefined ? undefined : `${id}-note`}
        onInput={({ currentTarget }) => onValue(currentTarget.value)}
      />
      {/* The element is there before its text: screen readers watch only what they know. */}
      <p id={`${id}-note`} class={error === undefined ? "hint" : "field-error"} aria-live="polite">
        {note}
      </p>
    </div>
  );
}
