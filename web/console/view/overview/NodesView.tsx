import type { VNode } from "preact";
import { useHub } from "../context.ts";
import { NodeTable } from "./NodeTable.tsx";

/** All nodes of the cluster. */
export function NodesView(): VNode {
  const top = useHub().top.value;
  return (
    <>
      <h1>Nodes</h1>
      {top === undefined ? (
        <p class="empty">Waiting for the first figures…</p>
      ) : (
        <NodeTable nodes={top.nodes} asked={top.node} />
      )}
    </>
  );
}
