import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { CodeBlock } from "../../shared/shared.ts";
import { curlOf, type Operation } from "../openapi/openapi.ts";
import { Fields } from "./Fields.tsx";

interface Props {
  readonly operation: Operation;
  /** Address of the hub without a slash at its end. */
  readonly base: string;
  /** The address of the page names this operation. */
  readonly isNamed: boolean;
}

/** The fragment that names an operation. */
export const addressOf = ({ id }: Operation): string => `api/${id}`;

const ACCESS: Readonly<Record<string, string>> = {
  open: "no key",
  "any key": "any key",
  user: "token of a user",
};

/** An operation in one line, which opens. What is inside is drawn when it opens first. */
export function OperationItem({ operation, base, isNamed }: Props): VNode {
  const { method, path, summary, access, withoutNames } = operation;
  const details = useRef<HTMLDetailsElement>(null);
  const [isOpen, setOpen] = useState(isNamed);
  useEffect(() => {
    if (!isNamed) return;
    setOpen(true);
    details.current?.scrollIntoView();
  }, [isNamed]);
  return (
    <details
      class="operation"
      id={addressOf(operation)}
      open={isOpen}
      ref={details}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
    >
      <summary>
        <span class={`method ${method.toLowerCase()}`}>{method}</span>
        <code class="path">{path}</code>
        <span class="summary">{summary}</span>
        <span class="badge">{ACCESS[access] ?? `key: ${access}`}</span>
      </summary>
      {isOpen && (
        <div class="operation-body">
          <p class="operation-links">
            <a href={`#${addressOf(operation)}`}>Link to {operation.id}</a>
          </p>
          <Fields operation={operation} />
          {withoutNames && (
            <p class="hint">
              A path cannot carry every name. <code>{withoutNames}</code> takes the names as fields.
            </p>
          )}
          <Answers operation={operation} />
          <h4>Example</h4>
          <CodeBlock text={curlOf(operation, base)} copies="the example" />
        </div>
      )}
    </details>
  );
}

function Answers({ operation }: { readonly operation: Operation }): VNode {
  return (
    <>
      <h4>Answers</h4>
      {operation.answers.map(({ status, shape }) => (
        <div key={status} class="answer">
          <span class="badge">{status}</span>
          <CodeBlock text={shape} />
        </div>
      ))}
    </>
  );
}
