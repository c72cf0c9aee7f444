import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Field } from "../../../shared/shared.ts";

interface Props {
  readonly label: string;
  readonly onSearch: (text: string) => void;
  /** Called by Enter. */
  readonly onEnter?: ((text: string) => void) | undefined;
  readonly hint?: string;
}

/** Time without a key after which a search begins, in milliseconds. */
const PAUSE_MS = 200;

/** A search that begins while one types. */
export function Search({ label, onSearch, onEnter, hint }: Props): VNode {
  const [text, setText] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => onSearch(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (text !== "") onEnter?.(text);
  };
  return (
    <search>
      <form class="search" onSubmit={submit}>
        <Field label={label} type="search" value={text} onValue={setText} hint={hint} autocomplete="off" />
      </form>
    </search>
  );
}
