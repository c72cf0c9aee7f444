import type { ComponentChildren, VNode } from "preact";
import { Notice } from "../../../shared/shared.ts";
import type { Loaded } from "./useLoaded.ts";

interface Props<Value> {
  readonly of: Loaded<Value>;
  readonly children: (value: Value) => ComponentChildren;
}

/** Shows what was loaded, that it is being loaded, or why it was not. */
export function Outcome<Value>({ of: { value, error, reload }, children }: Props<Value>): VNode {
  return (
    <>
      {error !== undefined && (
        <Notice tone="bad">
          {error}{" "}
          <button type="button" class="small" onClick={reload}>
            Try again
          </button>
        </Notice>
      )}
      {value === undefined ? error === undefined && <p class="empty">Loading…</p> : children(value)}
    </>
  );
}

interface SilentProps {
  readonly nodes: readonly string[];
  /** What a node tells, and is missing here: a plural. */
  readonly missing: string;
}

/** Names nodes that have not answered. */
export function Silent({ nodes, missing }: SilentProps): VNode | null {
  if (nodes.length === 0) return null;
  return (
    <Notice tone="busy">
      No answer from {nodes.join(", ")}: {missing} there are missing here.
    </Notice>
  );
}
