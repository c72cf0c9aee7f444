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

/** Names nodes that have not answered. */
export function Silent({ nodes }: { readonly nodes: readonly { readonly node: string }[] }): VNode | null {
  if (nodes.length === 0) return null;
  const names = nodes.map(({ node }) => node).join(", ");
  return <Notice tone="busy">Without an answer of {names}: what is there is missing here.</Notice>;
}
