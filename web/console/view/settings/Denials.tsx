import type { VNode } from "preact";
import { count, words } from "../../model/format.ts";
import { useHub } from "../context.ts";
import { Table } from "../parts/Table.tsx";

/** How often each limit has denied something, on all nodes. */
export function Denials(): VNode {
  const top = useHub().top.value;
  const sums = new Map<string, number>();
  for (const { statistics } of top?.nodes ?? [])
    for (const [limit, denied] of Object.entries(statistics?.denied ?? {}))
      sums.set(limit, (sums.get(limit) ?? 0) + denied);
  return (
    <Table
      label="Denials by limit"
      empty="No limit has denied anything since the nodes started."
      rows={[...sums].sort(([, one], [, other]) => other - one)}
      keyOf={([limit]) => limit}
      columns={[
        { title: "Limit", cell: ([limit]) => words(limit) },
        { title: "Denied since the start", isNumber: true, cell: ([, denied]) => count(denied) },
      ]}
    />
  );
}
