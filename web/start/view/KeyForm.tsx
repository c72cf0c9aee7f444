import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Field } from "../../shared/shared.ts";

/** A key goes into a header, which has only these characters (RFC 9110 section 5.5). */
const KEY = /^[\x20-\x7e]+$/;

interface Props {
  /** Why the last key was not taken. */
  readonly error?: string | undefined;
  readonly onKey: (key: string) => void;
}

/** Asks for an API key. It stays in this tab. */
export function KeyForm({ error, onKey }: Props): VNode {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState(error);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (KEY.test(key.trim())) onKey(key.trim());
    else setProblem("Enter the key: letters of ASCII, digits and signs.");
  };
  return (
    <form class="card key-form" onSubmit={submit}>
      <Field
        label="API key"
        type="password"
        autocomplete="off"
        value={key}
        onValue={setKey}
        hint="A key of any scope shows the reference. It stays in this tab, and goes to this hub only."
        error={problem}
      />
      <button type="submit" class="primary">
        Show the reference
      </button>
    </form>
  );
}
